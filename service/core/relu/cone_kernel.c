/* Bounds of a correlation on simplicial cones: the same steps as `cones.py`, one cone after the other.

   Compiled without any option that changes what an operation on doubles means, and with sums in one order, so that a
   result does not depend on the width of the processor's registers.  Nothing is allocated, and nothing is read or
   written outside the arrays of the arguments. */

#include <math.h>
#include <string.h>

#define MOST_RANK 12
#define MOST_ATOMS (MOST_RANK + 2)
#define MOST_SIZE (MOST_RANK + MOST_ATOMS)
#define LANES 8
#define STEPS 2   /* Frank-Wolfe steps for every cone */
#define ROUNDS 12 /* rounds of the fully corrective method, for cones that it can still close */
#define PIVOTS 24
#define BLOCK_PIVOTS 6 /* rounds in which every wrong variable changes sides; then the last one alone, which cannot cycle */
#define TINY 1e-300

#ifndef SOURCE
#define SOURCE "unknown"
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

int most_rank(void) { return MOST_RANK; }

/* Digest of the source that this was compiled from, so that a library that is older than the source is not used. */
const char *source(void) { return SOURCE; }

typedef struct {
    int count, rank;
    const double *columns; /* rank x count: the rows of the inputs, one coordinate after the other */
    const double *plus, *minus, *linear;
} Rows;

typedef struct {
    const double *across, *inverse; /* generators and rows of the inverse, one after the other, rank x rank each */
    double heights[MOST_RANK], centre[MOST_RANK];
    double most;
    double bound, value;
    double direction[MOST_RANK], coordinates[MOST_RANK];
} Cone;

static double dot(const double *a, const double *b, int size) {
    double sum = 0.0;
    for (int i = 0; i < size; i++) sum += a[i] * b[i];
    return sum;
}

/* Products of a direction with every row. */
WIDE static void products_of(const Rows *rows, const double *direction, double *products) {
    const int count = rows->count;
    for (int i = 0; i < count; i++) products[i] = direction[0] * rows->columns[i];
    for (int r = 1; r < rows->rank; r++) {
        const double *column = rows->columns + (long)r * count;
        const double factor = direction[r];
        for (int i = 0; i < count; i++) products[i] += factor * column[i];
    }
}

/* Sum of weights of the rows with a positive product, times that product. */
WIDE static double active_sum(const double *weights, const double *products, int count) {
    double lanes[LANES] = {0.0};
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < LANES; k++) lanes[k] += weights[i + k] * (products[i + k] > 0.0 ? products[i + k] : 0.0);
    double sum = 0.0;
    for (; i < count; i++) sum += weights[i] * (products[i] > 0.0 ? products[i] : 0.0);
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

/* Slope of the negative part at a point with these products. */
WIDE static void slopes_of(const Rows *rows, const double *products, double *weights, double *slopes) {
    const int count = rows->count;
    for (int i = 0; i < count; i++) weights[i] = products[i] > 0.0 ? rows->minus[i] : 0.0;
    for (int r = 0; r < rows->rank; r++) {
        const double *column = rows->columns + (long)r * count;
        double lanes[LANES] = {0.0};
        int i = 0;
        for (; i + LANES <= count; i += LANES)
            for (int k = 0; k < LANES; k++) lanes[k] += weights[i + k] * column[i + k];
        double sum = 0.0;
        for (; i < count; i++) sum += weights[i] * column[i];
        for (int k = 0; k < LANES; k++) sum += lanes[k];
        slopes[r] = sum;
    }
}

/* What linear interpolation of the positive part loses in the middle of an edge between two generators. */
WIDE static double edge_loss(const double *plus, const double *one, const double *other, int count) {
    double lanes[LANES] = {0.0};
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < LANES; k++) {
            const double a = fabs(one[i + k]), b = fabs(other[i + k]);
            const double least = a < b ? a : b;
            lanes[k] += plus[i + k] * ((one[i + k] < 0.0) != (other[i + k] < 0.0) ? least : 0.0);
        }
    double sum = 0.0;
    for (; i < count; i++) {
        const double a = fabs(one[i]), b = fabs(other[i]);
        sum += plus[i] * ((one[i] < 0.0) != (other[i] < 0.0) ? (a < b ? a : b) : 0.0);
    }
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

/* Solves the free rows and columns of a positive definite matrix by its Cholesky factor; the others are zero. */
static void solve_free(int size, const double *gram, const double *right, const unsigned char *is_free, double *values) {
    double lower[MOST_SIZE][MOST_SIZE], y[MOST_SIZE];
    int places[MOST_SIZE], count = 0;
    memset(values, 0, (size_t)size * sizeof(double));
    for (int i = 0; i < size; i++) {
        if (!is_free[i]) continue;
        double left = gram[i * size + i], side = right[i];
        for (int k = 0; k < count; k++) {
            double sum = gram[i * size + places[k]];
            for (int j = 0; j < k; j++) sum -= lower[count][j] * lower[k][j];
            lower[count][k] = sum / lower[k][k];
            left -= lower[count][k] * lower[count][k];
            side -= lower[count][k] * y[k];
        }
        if (!(left > 1e-14 * gram[i * size + i])) continue; /* depends on those before: it stays at zero */
        lower[count][count] = sqrt(left);
        y[count] = side / lower[count][count];
        places[count++] = i;
    }
    for (int k = count - 1; k >= 0; k--) {
        double sum = y[k];
        for (int j = k + 1; j < count; j++) sum -= lower[j][k] * values[places[j]];
        values[places[k]] = sum / lower[k][k];
    }
}

/* Minimiser of x.gram x / 2 - right.x over x >= 0, by block pivoting; any non-negative vector is of use. */
static void non_negative(int size, const double *gram, const double *right, unsigned char *is_free, double *solution) {
    double largest = 0.0;
    for (int i = 0; i < size; i++) largest = fmax(largest, fabs(right[i]));
    for (int attempt = 0; attempt < PIVOTS; attempt++) {
        int wrong[MOST_SIZE], count = 0;
        solve_free(size, gram, right, is_free, solution);
        for (int i = 0; i < size; i++) {
            const int amiss = is_free[i] ? solution[i] < 0.0
                                         : dot(gram + i * size, solution, size) - right[i] < -1e-13 * largest;
            if (amiss) wrong[count++] = i;
        }
        if (!count) break;
        for (int k = attempt < BLOCK_PIVOTS ? 0 : count - 1; k < count; k++) is_free[wrong[k]] ^= 1;
    }
    for (int i = 0; i < size; i++)
        if (!(solution[i] > 0.0)) solution[i] = 0.0;
}

/* Takes the bound that a lower bound below.u of the negative part gives near a projection; see `_Relaxed.record`. */
static void record(Cone *cone, int rank, const double *below, const double *point) {
    double excess = 0.0;
    for (int k = 0; k < rank; k++) {
        double left = cone->heights[k];
        for (int r = 0; r < rank; r++) left -= cone->across[k * rank + r] * (below[r] + point[r]);
        if (isnan(left)) return;
        if (left > excess) excess = left;
    }
    const double bound = sqrt(dot(point, point, rank)) + excess * cone->most;
    if (bound < cone->bound) cone->bound = bound;
}

/* Slope of the negative part at a point, whose true correlation is kept if it is the best. */
static void look(Cone *cone, const Rows *rows, const double *point, double *products, double *weights, double *slopes) {
    const int rank = rows->rank;
    products_of(rows, point, products);
    slopes_of(rows, products, weights, slopes);
    const double length = sqrt(dot(point, point, rank));
    const double safe = length > 0.0 ? length : 1.0;
    const double value = (active_sum(rows->plus, products, rows->count) - dot(slopes, point, rank) +
                          dot(point, rows->linear, rank)) / safe;
    if (value > cone->value) {
        cone->value = value;
        for (int r = 0; r < rank; r++) cone->direction[r] = point[r] / safe;
    }
}

/* The same with the slope at the centre and without a projection, which thin cones spoil: tight where all generators
   are close to each other. */
static void record_centre(Cone *cone, const Rows *rows, double *products, double *weights) {
    const double nowhere[MOST_RANK] = {0.0};
    double slopes[MOST_RANK];
    look(cone, rows, cone->centre, products, weights, slopes);
    record(cone, rows->rank, slopes, nowhere);
}

/* The relaxed correlation over the length: no bound of this relaxation can fall below it. */
static double attained(const Cone *cone, int rank, const double *coordinates, const double *slopes, const double *point) {
    const double length = sqrt(dot(point, point, rank));
    return (dot(cone->heights, coordinates, rank) - dot(slopes, point, rank)) / (length > 0.0 ? length : 1.0);
}

static void spanned(const Cone *cone, int rank, const double *coordinates, double *point) {
    for (int r = 0; r < rank; r++) point[r] = 0.0;
    for (int k = 0; k < rank; k++)
        for (int r = 0; r < rank; r++) point[r] += coordinates[k] * cone->across[k * rank + r];
}

/* The fully corrective method: see `_correct` in `cones.py`. */
static void correct(Cone *cone, const Rows *rows, double atoms[][MOST_RANK], int count, double target, double low,
                    double *products, double *weights) {
    const int rank = rows->rank, most = rank + 2;
    double interpolated[MOST_RANK], dual[MOST_RANK * MOST_RANK];
    unsigned char is_free[MOST_SIZE];
    for (int r = 0; r < rank; r++) {
        interpolated[r] = 0.0;
        for (int k = 0; k < rank; k++) interpolated[r] += cone->heights[k] * cone->inverse[k * rank + r];
    }
    for (int i = 0; i < rank; i++)
        for (int k = 0; k < rank; k++) dual[i * rank + k] = dot(cone->inverse + i * rank, cone->inverse + k * rank, rank);
    for (int round = 0; round < ROUNDS; round++) {
        const int size = count + rank;
        double vectors[MOST_ATOMS][MOST_RANK], gram[MOST_SIZE * MOST_SIZE], right[MOST_SIZE], solved[MOST_SIZE];
        double rho = TINY;
        for (int a = 0; a < count; a++) {
            for (int r = 0; r < rank; r++) vectors[a][r] = interpolated[r] - atoms[a][r];
            rho += dot(vectors[a], vectors[a], rank) / count;
        }
        for (int a = 0; a < count; a++) {
            right[a] = rho;
            for (int c = 0; c < count; c++) gram[a * size + c] = dot(vectors[a], vectors[c], rank) + rho;
            for (int k = 0; k < rank; k++) {
                const double cross = dot(vectors[a], cone->inverse + k * rank, rank);
                gram[a * size + count + k] = gram[(count + k) * size + a] = cross;
            }
        }
        for (int i = 0; i < rank; i++) {
            right[count + i] = 0.0;
            for (int k = 0; k < rank; k++) gram[(count + i) * size + count + k] = dual[i * rank + k];
        }
        for (int i = 0; i < size; i++) gram[i * size + i] *= 1.0 + 1e-12;
        if (!round)
            for (int i = 0; i < size; i++) is_free[i] = right[i] > 0.0;
        unsigned char now_free[MOST_SIZE];
        memcpy(now_free, is_free, (size_t)size);
        non_negative(size, gram, right, now_free, solved);
        double total = 0.0;
        for (int a = 0; a < count; a++) total += solved[a];
        if (total > 0.0)
            for (int i = 0; i < size; i++) solved[i] /= total;
        else {
            for (int i = 0; i < size; i++) solved[i] = i < count ? 1.0 / count : 0.0;
        }
        double below[MOST_RANK], point[MOST_RANK], coordinates[MOST_RANK];
        for (int r = 0; r < rank; r++) {
            below[r] = 0.0;
            for (int a = 0; a < count; a++) below[r] += solved[a] * atoms[a][r];
            /* the shortest point itself; its coordinates are of use where no rounding has spoilt them */
            point[r] = interpolated[r] - below[r];
            for (int k = 0; k < rank; k++) point[r] += solved[count + k] * cone->inverse[k * rank + r];
        }
        for (int k = 0; k < rank; k++) coordinates[k] = fmax(dot(cone->inverse + k * rank, point, rank), 0.0);
        record(cone, rank, below, point);
        memcpy(cone->coordinates, coordinates, (size_t)rank * sizeof(double));
        double slopes[MOST_RANK];
        look(cone, rows, point, products, weights, slopes);
        low = fmax(low, attained(cone, rank, coordinates, slopes, point));
        if (!(cone->bound > target && low <= target && cone->bound - low > 1e-12 * cone->bound)) return;
        int place = count;
        if (count == most) {
            place = 0;
            for (int a = 1; a < count; a++)
                if (solved[a] < solved[place]) place = a;
            for (int i = 0; i < size; i++) is_free[i] = solved[i] > 0.0;
        } else {
            for (int a = 0; a < count; a++) is_free[a] = solved[a] > 0.0;
            for (int k = 0; k < rank; k++) is_free[count + 1 + k] = solved[count + k] > 0.0;
            count++;
        }
        is_free[place] = 1;
        memcpy(atoms[place], slopes, (size_t)rank * sizeof(double));
    }
}

static void bound_cone(Cone *cone, const Rows *rows, double target, int corrects, double *products, double *weights) {
    const int rank = rows->rank;
    double gram[MOST_RANK * MOST_RANK] = {0.0}, *centre = cone->centre;
    for (int r = 0; r < rank; r++) centre[r] = 0.0;
    for (int k = 0; k < rank; k++) {
        const double *generator = cone->across + k * rank;
        products_of(rows, generator, products);
        cone->heights[k] = active_sum(rows->plus, products, rows->count) + dot(generator, rows->linear, rank);
        for (int j = 0; j < rank; j++) gram[k * rank + j] = dot(generator, cone->across + j * rank, rank);
        for (int r = 0; r < rank; r++) centre[r] += generator[r];
    }
    const double length = sqrt(dot(centre, centre, rank));
    double least = INFINITY;
    for (int k = 0; k < rank; k++) least = fmin(least, dot(cone->across + k * rank, centre, rank) / length);
    cone->most = least > 0.0 ? 1.0 / least : INFINITY;
    cone->bound = INFINITY;
    cone->value = -INFINITY;
    for (int r = 0; r < rank; r++) cone->direction[r] = cone->coordinates[r] = 0.0;

    double below[MOST_RANK] = {0.0}, point[MOST_RANK], slopes[MOST_RANK], right[MOST_RANK], coordinates[MOST_RANK];
    double atoms[MOST_ATOMS][MOST_RANK], low = -INFINITY;
    unsigned char is_free[MOST_RANK];
    for (int k = 0; k < rank; k++) is_free[k] = cone->heights[k] > 0.0;
    non_negative(rank, gram, cone->heights, is_free, coordinates);
    spanned(cone, rank, coordinates, point);
    record(cone, rank, below, point);
    for (int step = 0; step < STEPS; step++) {
        look(cone, rows, point, products, weights, slopes);
        low = fmax(low, attained(cone, rank, coordinates, slopes, point));
        memcpy(atoms[step], slopes, sizeof slopes);
        double square = 0.0, along = 0.0;
        for (int r = 0; r < rank; r++) {
            const double move = slopes[r] - below[r];
            square += move * move;
            along += move * point[r];
        }
        along /= square > 0.0 ? square : 1.0;
        const double share = step ? fmin(fmax(along, 0.0), 1.0) : 1.0;
        for (int r = 0; r < rank; r++) below[r] += share * (slopes[r] - below[r]);
        for (int k = 0; k < rank; k++) {
            right[k] = cone->heights[k] - dot(cone->across + k * rank, below, rank);
            is_free[k] = coordinates[k] > 0.0;
        }
        non_negative(rank, gram, right, is_free, coordinates);
        spanned(cone, rank, coordinates, point);
        record(cone, rank, below, point);
    }
    memcpy(cone->coordinates, coordinates, sizeof coordinates);
    if (corrects && cone->bound > target && low <= target)
        correct(cone, rows, atoms, STEPS, target, low, products, weights);
    if (cone->bound > target && cone->value <= target) record_centre(cone, rows, products, weights);
}

/* Arrays as in `cones.bounded`; `across` holds the generators (batch, rank, rank), one a row; `room` 2 x count. */
void bound_cones(int batch, int rank, int count, const double *columns, const double *plus, const double *minus,
                 const double *linear, const double *across, const double *inverse, double target, double *room,
                 double *bounds, double *directions, double *values, double *coordinates) {
    const Rows rows = {count, rank, columns, plus, minus, linear};
    const size_t size = (size_t)rank * sizeof(double);
    int corrects = 0;
    for (int i = 0; i < count; i++) corrects |= minus[i] != 0.0;
    for (int b = 0; b < batch; b++) {
        Cone cone;
        cone.across = across + (size_t)b * rank * rank;
        cone.inverse = inverse + (size_t)b * rank * rank;
        bound_cone(&cone, &rows, target, corrects, room, room + count);
        bounds[b] = cone.bound;
        values[b] = cone.value;
        memcpy(directions + (size_t)b * rank, cone.direction, size);
        memcpy(coordinates + (size_t)b * rank, cone.coordinates, size);
    }
}

/* What interpolation loses on the edge of each pair of generators, in the order of `edges`; `room` rank x count. */
void edge_losses(int batch, int rank, int count, const double *columns, const double *plus, const double *across,
                 double *room, double *losses) {
    const Rows rows = {count, rank, columns, plus, plus, plus};
    for (int b = 0; b < batch; b++) {
        const double *generators = across + (size_t)b * rank * rank;
        for (int k = 0; k < rank; k++) products_of(&rows, generators + k * rank, room + (size_t)k * count);
        for (int one = 0; one < rank; one++)
            for (int other = one + 1; other < rank; other++)
                *losses++ = edge_loss(plus, room + (size_t)one * count, room + (size_t)other * count, count);
    }
}

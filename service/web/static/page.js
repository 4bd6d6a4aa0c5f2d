"use strict";
// Asks the service this page comes from and shows its answer; every text is set as text, never as markup.

const part = (id) => document.getElementById(id);
const digits = (value) => (value === null ? "none" : Number(value.toPrecision(9)).toString());

function row(cells, firstIsHeading) {
  const line = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(firstIsHeading && index === 0 ? "th" : "td");
    if (cell.tagName === "TH") cell.scope = "row";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

function drawTerms(terms, loss) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 100 10");
  picture.setAttribute("preserveAspectRatio", "none");
  let from = 0;
  for (const name of ["fit", "noise", "decay"]) {
    const share = (100 * terms[name]) / loss;
    const block = document.createElementNS(space, "rect");
    block.setAttribute("x", from);
    block.setAttribute("width", share);
    block.setAttribute("height", 10);
    block.setAttribute("class", name);
    picture.append(block);
    from += share;
  }
  const text = ["fit", "noise", "decay"].map((name) => `${name} ${digits(terms[name])}`).join(", ");
  part("terms").setAttribute("aria-label", `Parts of the loss: ${text}`);
  part("terms").append(picture);
  part("terms-text").textContent = `Parts of the loss, from left to right: ${text}.`;
}

function show(answer, milliseconds) {
  const minimum = answer.global_minimum;
  const certificate = answer.certificate;
  const facts = [
    ["Loss", digits(minimum.loss)],
    ["No weights go below", digits(certificate.lower_bound)],
    ["Relative gap", certificate.relative_gap.toExponential(1)],
    ["Evidence", `${answer.status}, ${certificate.kind}`],
    ["Collapsed to zero", minimum.trivial ? "yes" : "no"],
    ["Collapses if all decays grow by", digits(answer.thresholds.critical_decay_scale)],
    ["Unique", minimum.uniqueness],
    ["Theorems", answer.theorems.join(", ")],
    ["Identity of the problem", answer.problem_hash.slice(0, 19) + "…"],
  ];
  part("minimum").replaceChildren(...facts.map((cells) => row(cells, true)));
  part("summary").replaceChildren(...answer.summary.map((sentence) => {
    const item = document.createElement("li");
    item.textContent = sentence;
    return item;
  }));
  const words = (text) => text.replaceAll("_", " ");
  part("points").replaceChildren(
    ...answer.stationary_points.map((point) =>
      row([words(point.kind), words(point.class), digits(point.loss), digits(point.norm)], true)),
  );
  drawTerms(minimum.terms, minimum.loss);
  part("result").hidden = false;
  part("state").textContent = `Answered in ${Math.round(milliseconds)} ms.`;
}

async function ask() {
  const problem = await (await fetch("static/demo.json")).text();
  part("command").firstElementChild.textContent =
    `curl -s ${new URL("v1/minima", location.href)} -H 'content-type: application/json' -d '${problem.trim()}'`;
  const started = performance.now();
  const reply = await fetch("v1/minima", {
    method: "POST", headers: { "content-type": "application/json" }, body: problem,
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(`${answer.title}: ${answer.detail}`);
  show(answer, performance.now() - started);
}

// the profile of a data set, which GET /v1/datasets/{id} tells
function showProfile(dataset) {
  const left = dataset.rows_left_out ? `; ${dataset.rows_left_out} rows with missing values were left out` : "";
  part("profile-caption").textContent =
    `${dataset.samples} samples, ${dataset.inputs} inputs, ${dataset.outputs} targets (${dataset.format})${left}`;
  const words = (text) => text.replaceAll("_", " ");
  const end = (value) => (value === null ? "" : digits(value));
  part("columns").replaceChildren(...dataset.file_columns.map((column) => row([
    column.name, column.kind, words(column.role), String(column.missing),
    end(column.least), end(column.greatest), column.done,
  ], true)));
  part("profile-use").textContent = `"data": {"kind": "dataset", "id": "${dataset.id}"}`;
  part("profile").hidden = false;
  part("profile-state").textContent = "";
  part("profile-state").className = "";
}

async function profile(request) {
  part("profile").hidden = true;
  part("profile-state").className = "";
  part("profile-state").textContent = "Reading …";
  try {
    const reply = await request;
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.detail);
    showProfile(answer);
  } catch (error) {
    part("profile-state").textContent = `The table was not read: ${error.message}`;
    part("profile-state").className = "error";
  }
}

part("file").addEventListener("change", () => {
  const [file] = part("file").files;
  if (!file) return;
  const form = new FormData();
  // the ending of the name says what a file is, where browsers guess by what is installed
  form.append("file", new Blob([file]), file.name);
  profile(fetch("v1/datasets", { method: "POST", body: form }));
});

// #dataset=ID shows one that was uploaded before
function profileOfAddress() {
  const id = new URLSearchParams(location.hash.slice(1)).get("dataset");
  if (id) profile(fetch(`v1/datasets/${encodeURIComponent(id)}`));
}
addEventListener("hashchange", profileOfAddress);
profileOfAddress();

part("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(part("command").textContent);
    part("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(part("command"));
    part("copied").textContent = "Selected; copy it with the keyboard.";
  }
});

ask().catch((error) => {
  part("state").textContent = `The service did not answer: ${error.message}`;
  part("state").className = "error";
});

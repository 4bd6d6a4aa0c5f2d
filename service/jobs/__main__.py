"""``python -m service.jobs``; kept empty of imports at the top, because each forked worker runs it again."""

if __name__ == "__main__":
    from service.jobs.driver_process import main

    main()

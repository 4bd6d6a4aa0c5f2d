"""``python -m service.jobs``; kept empty of imports at the top, because each forked worker runs it again."""

if __name__ == "__main__":
    import json
    import sys

    from service.jobs.driver.parent import Parent
    from service.jobs.engines.fork_server import start_fork_server
    from service.jobs.one_thread import ask_for_one_thread

    ask_for_one_thread()

    configuration = sys.stdin.readline()
    # Before the imports that take a second: a parent that goes meanwhile is not kept waiting.
    parent = Parent()
    wanted = json.loads(configuration)
    if wanted["scheduler_address"] is None:
        # It imports what workers need while this process imports what it needs itself.
        start_fork_server([wanted["table"].partition(":")[0]])

    from service.jobs.driver.process import main

    main(configuration, parent)

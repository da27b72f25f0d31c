"""What a person needs to start runs. Apart from the rest, because it is also needed where Django is not set up."""

RUN_RIGHTS = ("consoles.add_run", "consoles.view_script", "servers.view_server")

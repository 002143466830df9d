"""Scripts with which shells complete the commands."""

from collections.abc import Sequence

from mediview_client.cli.commands import COMMANDS, GROUPS

SHELLS = ("bash", "zsh", "fish")
_ALONE = ("login", "logout", "completion")


def script(shell: str, program: str, others: Sequence[str] = ()) -> str:
    """What to put into the shell's start file: `eval "$(mediview-client completion bash)"`."""
    verbs = {
        group: " ".join(one.name for one in COMMANDS if one.group == group) for group in GROUPS
    }
    first = " ".join(dict.fromkeys((*GROUPS, *_ALONE, *others)))
    if shell == "fish":
        lines = [f"complete -c {program} -f -n __fish_use_subcommand -a '{first}'"]
        lines += [
            f"complete -c {program} -f -n '__fish_seen_subcommand_from {group};"
            f" and not __fish_seen_subcommand_from {names}' -a '{names}'"
            for group, names in verbs.items()
        ]
        return "\n".join(lines) + "\n"
    function = f"_{program.replace('-', '_')}"
    cases = "\n".join(f"        {group}) words='{names}' ;;" for group, names in verbs.items())
    bash = f"""{function}() {{
    local words=''
    if [ "$COMP_CWORD" -eq 1 ]; then
        words='{first}'
    elif [ "$COMP_CWORD" -eq 2 ]; then
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F {function} {program}
"""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash}" if shell == "zsh" else bash

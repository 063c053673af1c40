import type { CommandContext } from "../command.ts";

/** The scripts only ask `lab __complete`, so that they never have to be made anew. */
const BASH = `# lab: completion for bash
_lab() {
  local IFS=$'\\n' word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} proposals
  proposals=$("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $proposals == :files ]]; then
    compopt -o default
    COMPREPLY=()
    return
  fi
  COMPREPLY=($(printf '%s' "$proposals" | cut -f1))
  if [[ $word == = || $before == = ]]; then COMPREPLY=("\${COMPREPLY[@]#*=}"); fi
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -F _lab lab
`;

const ZSH = `#compdef lab
# lab: completion for zsh
_lab() {
  local -a lines proposals
  local line
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${lines[1]} == ':files' ]]; then
    _files
    return
  fi
  for line in $lines; do
    [[ -n $line ]] && proposals+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe lab proposals
}
compdef _lab lab
`;

const FISH = `# lab: completion for fish
function __lab_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l proposals ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  if test "$proposals" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $proposals
  end
end
complete -c lab -f -a '(__lab_complete)'
`;

export function run(ctx: CommandContext): Promise<number> {
  const shell = ctx.args.one("SHELL");
  ctx.print(shell === "bash" ? BASH : shell === "zsh" ? ZSH : FISH);
  return Promise.resolve(0);
}

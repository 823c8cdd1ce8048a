import { UsageError } from '../command-errors.js';
import type { Command, CommandTable } from '../command.js';

/** What the shell offers after some words. */
interface Place {
  /** The words so far; none at the start. */
  readonly words: string;
  readonly options: readonly string[];
  readonly subcommands: readonly string[];
}

/** @param commands - what is completed, by their words; `sharedOptions` are the options that all of them have */
export const completionOf = (commands: CommandTable, sharedOptions: readonly string[]): Command => ({
  usage: 'completion <bash|zsh|fish>',
  summary: 'Print the shell’s completion for tessera',
  examples: [
    ['source <(tessera completion bash)', 'in ~/.bashrc'],
    ['source <(tessera completion zsh)', 'in ~/.zshrc, after compinit'],
    ['tessera completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
  positionals: { min: 1, max: 1 },
  options: {},
  optionHelp: {},
  async run({ positionals, print }) {
    const write = shells[positionals[0] ?? ''];
    if (write === undefined) throw new UsageError(`The shell is one of ${Object.keys(shells).join(', ')}.`);
    print(write(await places(commands, sharedOptions)));
  },
});

/** Longer words first: the first place that fits is the right one. */
async function places(commands: CommandTable, sharedOptions: readonly string[]): Promise<Place[]> {
  const names = Object.keys(commands);
  const ends: Place[] = await Promise.all(
    Object.entries(commands).map(async ([words, load]) => {
      const { options } = await load();
      const dashed = [...Object.keys(options), ...sharedOptions].map((name) => `--${name}`);
      return { words, options: dashed, subcommands: words === 'completion' ? Object.keys(shells) : [] };
    }),
  );
  const inner = groupsOf(names).map((group) => ({
    words: group,
    options: [],
    subcommands: [...new Set(names.filter(isBelow(group)).map((name) => wordAfter(name, group)))],
  }));
  const first = [...new Set(names.map((name) => name.split(' ')[0] ?? ''))];
  return [...ends, ...inner, { words: '', options: ['--help', '--version'], subcommands: first }];
}

/** The words that lead to several commands, such as `vocabulary`; longer ones first. */
function groupsOf(names: readonly string[]): string[] {
  const groups = names.flatMap((name) => {
    const words = name.split(' ');
    return words.slice(1).map((_, index) => words.slice(0, index + 1).join(' '));
  });
  return [...new Set(groups)].sort((a, b) => b.length - a.length);
}

const isBelow = (group: string) => (name: string) => name.startsWith(`${group} `);

function wordAfter(name: string, group: string): string {
  return name.slice(group.length + 1).split(' ')[0] ?? '';
}

/** The cases of a shell function over `$line`, the words so far with a space after each. */
function cases(all: readonly Place[]): string {
  return all
    .map(({ words, options, subcommands }) => {
      const pattern = words === '' ? '""' : `"${words} "*`;
      return `    ${pattern}) options="${options.join(' ')}" subcommands="${subcommands.join(' ')}" ;;`;
    })
    .join('\n');
}

const shells: Readonly<Record<string, (all: readonly Place[]) => string>> = {
  bash: (all) => `_tessera() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line options subcommands
  printf -v line '%s ' "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  [ "$COMP_CWORD" -le 1 ] && line=""
  case "$line" in
${cases(all)}
  esac
  if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$current"))
  else COMPREPLY=($(compgen -W "$subcommands" -- "$current")); fi
}
complete -o default -F _tessera tessera`,
  zsh: (all) => `_tessera() {
  local line="" options subcommands
  (( CURRENT > 2 )) && line="\${(j: :)words[2,CURRENT-1]} "
  case "$line" in
${cases(all)}
  esac
  if [[ "$PREFIX" == -* ]]; then compadd -- \${=options}
  elif [[ -n "$subcommands" ]]; then compadd -- \${=subcommands}
  else _files; fi
}
compdef _tessera tessera`,
  fish: (all) =>
    all
      .flatMap(({ words, options, subcommands }) => {
        const test = `-n '__tessera_after ${words === '' ? '""' : words}'`;
        return [
          ...(subcommands.length === 0 ? [] : [`complete -c tessera -f ${test} -a '${subcommands.join(' ')}'`]),
          ...options.map((option) => `complete -c tessera ${test} -l ${option.slice(2)}`),
        ];
      })
      .join('\n')
      .replace(/^/, `${fishTest}\n`),
};

/** Whether the words so far are these, options and files of a command aside. */
const fishTest = `function __tessera_after
  set -l line (commandline -opc)[2..]
  test "$argv" = "" -a (count $line) -eq 0; and return 0
  set -l start $line[1..(count $argv)]
  test "$argv" != "" -a "$start" = "$argv"
end`;

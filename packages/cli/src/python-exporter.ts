import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CommandFailure, UsageError } from './command-errors.js';
import type { Command, CommandContext } from './command.js';
import { installation } from './installation.js';
import { textOption } from './option-values.js';

/** A Python program in `training/` that writes a model bundle. */
export interface Exporter {
  /** Last word of its command: `tessera bundle export <name>`. */
  readonly name: string;
  readonly summary: string;
  readonly details?: string;
  /** Module that Python runs. */
  readonly module: string;
  /** Python modules that it imports. */
  readonly needs: readonly string[];
  /** What installs them. */
  readonly requirement: string;
  /** Its options, the shared ones aside, with their help. `path`: a file or directory, relative to where the command is called; `flag`: has no value. */
  readonly options: Readonly<Record<string, { readonly help: string; readonly kind: 'path' | 'text' | 'flag' }>>;
  readonly required: readonly string[];
  readonly example: readonly [call: string, effect: string];
}

/** Python's own name for the program; `--python` and `TESSERA_PYTHON` name another. */
const defaultPython = 'python3';
const training = join(installation, 'training');

/** The command that runs an exporter, after checking that Python has what it needs. */
export function exportCommand(exporter: Exporter): Command {
  const names = Object.keys(exporter.options);
  return {
    usage: `bundle export ${exporter.name} ${exporter.required.map((name) => `--${name} <path>`).join(' ')}`,
    summary: exporter.summary,
    ...(exporter.details === undefined ? {} : { details: exporter.details }),
    examples: [exporter.example],
    positionals: { min: 0, max: 0 },
    options: Object.fromEntries([...names, 'python'].map((name) => [name, { type: typeOf(exporter, name) }])),
    optionHelp: {
      ...Object.fromEntries(Object.entries(exporter.options).map(([name, { help }]) => [name, help])),
      python: `the Python to run; otherwise TESSERA_PYTHON, or ${defaultPython}`,
    },
    async run(context) {
      const missing = exporter.required.filter((name) => textOption(context.options, name) === undefined);
      if (missing.length > 0) throw new UsageError(`${missing.map((name) => `--${name}`).join(', ')} is missing.`);
      const python = textOption(context.options, 'python') ?? context.environment.TESSERA_PYTHON ?? defaultPython;
      await checkPython(python, exporter);
      await runExporter(python, exporter, context);
    },
  };
}

function typeOf({ options }: Exporter, name: string): 'string' | 'boolean' {
  return options[name]?.kind === 'flag' ? 'boolean' : 'string';
}

/** @throws CommandFailure that says what to install */
async function checkPython(python: string, { needs, requirement }: Exporter): Promise<void> {
  const code = `import importlib.util, sys
if sys.version_info < (3, 11): sys.exit("version " + sys.version.split()[0])
print(*[name for name in ${JSON.stringify(needs)} if importlib.util.find_spec(name) is None])`;
  const { stdout } = await promisify(execFile)(python, ['-c', code]).catch((error: unknown) => {
    const { code: reason, stderr = '' } = error as { code?: unknown; stderr?: string };
    if (reason === 'ENOENT') {
      throw new CommandFailure(
        `There is no "${python}". Install Python 3.11 or newer, or name one with --python or TESSERA_PYTHON.`,
      );
    }
    throw new CommandFailure(`"${python}" does not serve: ${stderr.trim()}. The exporter needs Python 3.11 or newer.`);
  });
  const missing = stdout.split(/\s+/).filter((name) => name !== '');
  if (missing.length > 0) {
    throw new CommandFailure(
      `"${python}" lacks ${missing.join(', ')}. In ${installation} run \`${python} -m pip install -e '${requirement}'\`.`,
    );
  }
}

/** @throws CommandFailure when it fails; its own output says why */
async function runExporter(
  python: string,
  { name, module, options }: Exporter,
  context: CommandContext,
): Promise<void> {
  const words = Object.entries(options).flatMap(([option, { kind }]) => {
    if (kind === 'flag') return context.options[option] === true ? [`--${option}`] : [];
    const value = textOption(context.options, option);
    return value === undefined ? [] : [`--${option}`, kind === 'path' ? resolve(value) : value];
  });
  const path = [training, process.env.PYTHONPATH].filter((part) => part !== undefined && part !== '').join(delimiter);
  const child = spawn(python, ['-m', module, ...words], {
    cwd: training,
    env: { ...process.env, PYTHONPATH: path },
    stdio: ['ignore', 2, 2],
    signal: context.signal,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new CommandFailure(`The export of ${name} failed.`);
}

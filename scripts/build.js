import { relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import ts from 'typescript';

/**
 * `tsc -b` that shows its progress: compiles the projects named on the command line, by default all of them. On a
 * terminal one line follows the build, elsewhere every project gets a line. When everything is up to date it prints
 * nothing.
 */

// Messages of `tsc -b --verbose`.
const projectsInThisBuild = 6355;
const buildingProject = 6358;

const { isTTY } = process.stdout;
const clearLine = isTTY ? '\r\u001b[K' : '';
const roots = process.argv.length > 2 ? process.argv.slice(2) : ['.'];
const startedAt = performance.now();
let packages = [];
let compiled = 0;
let lacksModelRuntime = false;

const host = ts.createSolutionBuilderHost(ts.sys, undefined, showError, showStatus);
process.exitCode = ts.createSolutionBuilder(host, roots, { verbose: true }).build();
if (compiled > 0) {
  const outcome = process.exitCode === 0 ? 'compiled' : 'compiled with errors:';
  process.stdout.write(`${clearLine}${outcome} ${compiled} of ${packages.length} packages (${elapsed()})\n`);
}
if (lacksModelRuntime) {
  console.error(
    'onnxruntime-node, which runs the models, is not installed: run "npm ci" again without --omit=optional.',
  );
}

function showStatus({ code, messageText }) {
  const names = Array.from(String(messageText).matchAll(/[^\s']+(?=\/tsconfig\.json)/g), ([path]) =>
    relative('', path),
  );
  if (code === projectsInThisBuild) packages = names;
  if (code !== buildingProject) return;
  compiled += 1;
  const line = `compiling ${names[0]}, ${packages.indexOf(names[0]) + 1} of ${packages.length} (${elapsed()})`;
  process.stdout.write(isTTY ? clearLine + line : `${line}\n`);
}

function showError(diagnostic) {
  const format = isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  const { getCurrentDirectory } = ts.sys;
  const text = format([diagnostic], { getCurrentDirectory, getCanonicalFileName: String, getNewLine: () => '\n' });
  lacksModelRuntime ||= text.includes("'onnxruntime-node'");
  process.stdout.write(clearLine + text);
}

function elapsed() {
  return `${Math.round((performance.now() - startedAt) / 1000)} s`;
}

import type { CommandContext } from './command.js';

/** Between two reports of progress where they cannot replace one another. */
const pauseMs = 5_000;
const barCells = 24;

/** Where a command shows what it has to show. */
export interface Screen extends Pick<CommandContext, 'print' | 'write' | 'say' | 'progress'> {
  /** Aborted by the error of the standard output when it takes nothing more. */
  readonly outputLost: AbortSignal;
  /** Resolves when what was printed is written, or {@link outputLost} is aborted. */
  readonly flush: () => Promise<void>;
}

/** The standard streams: results go to the one, everything else to the other, which may be closed. */
export function createScreen(): Screen {
  const { stdout, stderr } = process;
  const losing = new AbortController();
  stdout.on('error', (error) => {
    losing.abort(error);
  });
  // Nobody reads the messages; the results are wanted all the same.
  stderr.on('error', () => undefined);
  let isLineOpen = false;
  // What is done in less time has no progress to report.
  let reportedAt = performance.now();
  const closeLine = () => {
    if (isLineOpen) stderr.write('\r\u001b[K');
    isLineOpen = false;
  };
  return {
    print: (text) => {
      closeLine();
      stdout.write(`${text}\n`);
    },
    write: (bytes) => {
      closeLine();
      stdout.write(bytes);
    },
    say: (text) => {
      closeLine();
      stderr.write(`${text}\n`);
    },
    progress: (text, fraction) => {
      if (stderr.isTTY) {
        const line = fraction === undefined ? text : `${progressBar(fraction)} ${text}`;
        stderr.write(`\r\u001b[K${line.slice(0, stderr.columns - 1)}`);
        isLineOpen = true;
      } else if (performance.now() - reportedAt > pauseMs) {
        reportedAt = performance.now();
        stderr.write(`${text}\n`);
      }
    },
    outputLost: losing.signal,
    flush: () =>
      new Promise((resolve) => {
        // The error of the stream is reported after that of this call.
        stdout.write('', () => setImmediate(resolve));
      }),
  };
}

function progressBar(fraction: number): string {
  const filled = Math.round(barCells * fraction);
  return `[${'#'.repeat(filled)}${'.'.repeat(barCells - filled)}]`;
}

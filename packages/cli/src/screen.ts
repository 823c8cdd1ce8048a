import type { CommandContext } from './command.js';

/** Between two reports of progress where they cannot replace one another. */
const pauseMs = 5_000;
const barCells = 24;

/** Where a command shows what it has to show. */
export type Screen = Pick<CommandContext, 'print' | 'say' | 'progress'>;

/** The standard streams: results go to the one, everything else to the other. */
export function createScreen(): Screen {
  const { stdout, stderr } = process;
  let isLineOpen = false;
  // What is done in less time has no progress to report.
  let toldAt = performance.now();
  const closeLine = () => {
    if (isLineOpen) stderr.write('\r\u001b[K');
    isLineOpen = false;
  };
  return {
    print: (text) => {
      closeLine();
      stdout.write(`${text}\n`);
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
      } else if (performance.now() - toldAt > pauseMs) {
        toldAt = performance.now();
        stderr.write(`${text}\n`);
      }
    },
  };
}

function progressBar(fraction: number): string {
  const filled = Math.round(barCells * fraction);
  return `[${'#'.repeat(filled)}${'.'.repeat(barCells - filled)}]`;
}

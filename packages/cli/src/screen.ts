import type { CommandContext } from './command.js';

/** Between two reports of progress where they cannot replace one another. */
const pauseMs = 5_000;

/** Where a command shows what it has to show. */
export type Screen = Pick<CommandContext, 'print' | 'say' | 'progress'>;

/** The standard streams: results go to the one, everything else to the other. */
export function createScreen(): Screen {
  const { stdout, stderr } = process;
  let isLineOpen = false;
  let toldAt = -Infinity;
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
    progress: (text) => {
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[K${text}`);
        isLineOpen = true;
      } else if (performance.now() - toldAt > pauseMs) {
        toldAt = performance.now();
        stderr.write(`${text}\n`);
      }
    },
  };
}

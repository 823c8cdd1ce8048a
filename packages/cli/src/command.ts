import type { ParseArgsConfig } from 'node:util';
import type { TesseraClient } from '@tessera/client';

/** What a command is given. */
export interface CommandContext {
  readonly client: TesseraClient;
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Prints a result, on the standard output. */
  readonly print: (text: string) => void;
  /** Prints a message, on the standard error. */
  readonly say: (text: string) => void;
  /** Shows the progress of a long command: on a terminal in one line, elsewhere from time to time. */
  readonly progress: (text: string) => void;
}

/** One command of the command line. */
export interface Command {
  /** `vocabulary train <directory>` */
  readonly usage: string;
  readonly summary: string;
  /** How many words follow the command's own. */
  readonly positionals: { readonly min: number; readonly max: number };
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** What each option means, by its name. */
  readonly optionHelp: Readonly<Record<string, string>>;
  run(context: CommandContext): Promise<void>;
}

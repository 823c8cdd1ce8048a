import type { TesseraClient } from '@tessera/client';
import type { ParseArgsConfig } from 'node:util';

/** The parsed options of a command, by their names. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** What a command is given. */
export interface CommandContext {
  readonly client: TesseraClient;
  /** Where {@link client} looks for the service. */
  readonly serviceUrl: URL;
  readonly positionals: readonly string[];
  readonly options: OptionValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, and when nobody takes the results any more. */
  readonly signal: AbortSignal;
  /** Prints a result, on the standard output. */
  readonly print: (text: string) => void;
  /** Writes a file in place of results on the standard output. */
  readonly write: (bytes: Uint8Array) => void;
  /** Prints a message, on the standard error. */
  readonly say: (text: string) => void;
  /**
   * Shows the progress of a long command, on a terminal in one line, with a bar where a fraction is known; elsewhere from
   * time to time.
   */
  readonly progress: (text: string, fraction?: number) => void;
}

/** One command of the command line. */
export interface Command {
  /** `vocabulary train <directory>` */
  readonly usage: string;
  readonly summary: string;
  /** What the help says below the summary. */
  readonly details?: string;
  /** Calls that are worth copying, with what they do. */
  readonly examples: readonly (readonly [call: string, effect: string])[];
  /** How many words follow the command's own. */
  readonly positionals: { readonly min: number; readonly max: number };
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** What each option means, by its name. */
  readonly optionHelp: Readonly<Record<string, string>>;
  run(context: CommandContext): Promise<void>;
}

/** Commands by their words; each is loaded when it is needed. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

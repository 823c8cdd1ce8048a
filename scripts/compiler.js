import { existsSync } from 'node:fs';

/**
 * `tsc -b` of TypeScript's native compiler, several times as fast as the one written in TypeScript, which the linter still
 * needs and which compiles where the native one is missing: it is an optional dependency of its package
 * (`npm ci --omit=optional`). One checker per project, since projects are built side by side.
 */
export const compiler = existsSync(`node_modules/@typescript/typescript-${process.platform}-${process.arch}`)
  ? ['node_modules/typescript-native/bin/tsc', '-b', '--checkers', '1']
  : ['node_modules/typescript/bin/tsc', '-b'];

/** Memory for speed: the compiler's garbage collector runs a quarter as often. */
export const compilerEnvironment = { GOGC: '400', ...process.env };

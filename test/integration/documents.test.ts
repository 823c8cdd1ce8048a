import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandsNotRun } from '../support/commands-not-run.js';
import { allCommandsOf, commandsOf, documents } from '../support/documents.js';
import { repositoryRoot } from '../support/repository-copy.js';

const everyCommand = (await Promise.all((await documents()).map(allCommandsOf))).flat();

describe('the commands in the documents', () => {
  it('are run by a test, or listed with a reason', async () => {
    const run = (await Promise.all((await documents()).map(commandsOf))).flat();
    const unlisted = everyCommand.filter(
      (command) => !run.includes(command) && !commandsNotRun.some(([commands]) => commands.test(command)),
    );
    assert.deepEqual(unlisted, [], 'have a test run them, or list them in test/support/commands-not-run.ts');
  });

  it('include all that are listed', () => {
    const gone = commandsNotRun.filter(([commands]) => !everyCommand.some((command) => commands.test(command)));
    assert.deepEqual(gone, []);
  });

  it('name scripts that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
      scripts: Readonly<Record<string, string>>;
    };
    const named = everyCommand.flatMap((command) => /\bnpm run (\S+)/.exec(command)?.[1] ?? []);
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((name) => !(name in scripts)),
      [],
    );
  });
});

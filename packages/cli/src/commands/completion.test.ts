import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { tessera } from '../test-command.js';

/** What a shell offers after these words, the last of which is being typed. */
async function offered(shell: string, script: string, words: readonly string[]): Promise<string[]> {
  const asking = {
    bash: `COMP_WORDS=(tessera ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _tessera; printf '%s\\n' "\${COMPREPLY[@]}"`,
    // Outside of its completion system zsh has no compadd: the candidates are printed instead.
    zsh: `compadd() { shift; print -l -- \${(M)@:#$PREFIX*} }; _files() { :; }
      words=(tessera ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length + 1}; PREFIX='${words.at(-1) ?? ''}'; _tessera`,
    fish: `complete -C 'tessera ${words.join(' ')}'`,
  }[shell];
  const ready = shell === 'zsh' ? 'compdef() { :; }\n' : '';
  const { stdout } = await promisify(execFile)(shell, ['-c', `${ready}${script}\n${asking}`]);
  const candidates = stdout.split('\n').map((line) => line.split('\t')[0] ?? '');
  return candidates.filter((candidate) => candidate !== '');
}

describe('the completion', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const isMissing = spawnSync(shell, ['--version']).error !== undefined;
    it(`of ${shell} offers commands, subcommands and options`, { skip: isMissing && `no ${shell} here` }, async () => {
      const { code, output } = await tessera(['completion', shell]);
      assert.equal(code, 0);
      const offers = async (...words: string[]) => (await offered(shell, output, words)).sort();
      assert.deepEqual(await offers('se'), ['segment', 'serve']);
      assert.deepEqual(await offers('vocabulary', 'ex'), ['export']);
      assert.deepEqual(await offers('completion', 'b'), ['bash']);
      assert.deepEqual(await offers('segment', 'photo.jpg', '--o'), ['--out', '--overlay']);
      assert.deepEqual(await offers('vocabulary', 'train', '--ep'), ['--epochs']);
    });
  }

  it('of another shell is refused', async () => {
    const { code, errors } = await tessera(['completion', 'tcsh']);
    assert.deepEqual([code, errors], [2, 'The shell is one of bash, zsh, fish.\n']);
  });
});

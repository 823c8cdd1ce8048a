import assert from 'node:assert/strict';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { join } from 'node:path';
import type { Route } from 'playwright-core';
import type { Pages } from '../../support/pages.js';
import { assertAccessible, dropFiles, openSample, sample } from '../../support/playground.js';
import { copySnippet, runSnippet, snippetLanguages } from '../../support/snippets.js';

/** The view of compositions. */
export function testCompositions(pages: () => Pages): void {
  it('names what a photo shows, by words of one’s own and by a vocabulary trained from a folder', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Compositions' }).click();
      await page.getByLabel('Attributes').fill('brown, furry');
      await page.getByLabel('Objects').fill('cup, cat');
      await page.getByRole('button', { name: 'Classify' }).click();
      await page.getByRole('heading', { name: 'brown cup' }).waitFor();
      assert.match(await page.locator('.panel').innerText(), /none of the pairs fits: .*%/);
      assert.equal(await page.locator('.bars').count(), 3);
      for (const language of snippetLanguages) {
        const code = await copySnippet(page.locator('.copy'), language);
        assert.match(await runSnippet(code, language, pages().directory), /brown cup/, language);
      }
      await assertAccessible(page);

      const folder = await trainingFolder(pages().directory);
      await page.getByText('Train a vocabulary on your photos').click();
      await page.getByLabel('Name').fill('things');
      await page.getByLabel('Epochs').fill('2');
      await page.getByLabel('Folder with training photos').setInputFiles(folder);
      await page.getByText(/Epoch \d+ of \d+: loss [\d.]+, AUC –/).waitFor();
      assert.match((await page.locator('.curves .loss polyline').getAttribute('points')) ?? '', /[\d.]+,[\d.]+/);
      // All pairs of the validation photos were seen.
      await page.getByText('things is trained. There is no AUC: ', { exact: false }).first().waitFor();
      await page.locator('#vocabulary option[value=things]:checked').waitFor({ state: 'attached' });
      assert.equal(
        await page.getByRole('heading', { name: 'brown cup' }).count(),
        0,
        'the answer to other words is gone',
      );
      await assertAccessible(page);
      await page.getByLabel('Open world: pairs that no example had, too').check();
      await page.getByRole('button', { name: 'Classify' }).click();
      await page.getByRole('heading', { name: 'ceramic cup' }).waitFor();
      await page.locator('.badge', { hasText: 'unseen' }).first().waitFor();
      await page.getByLabel('Vocabulary', { exact: true }).selectOption('Words of my own');
      assert.equal(await page.locator('.bars').count(), 0, 'the answer of the other vocabulary is gone');

      // The name is taken: nothing is replaced unasked.
      await page.getByLabel('Folder with training photos').setInputFiles(folder);
      await page.getByText('There is a vocabulary named things already.').first().waitFor();
      await page.getByRole('button', { name: 'Choose another name' }).click();
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'vocabulary-name');
      await page.getByLabel('Folder with training photos').setInputFiles(folder);
      await page.getByRole('button', { name: 'Replace things' }).click();
      await page.getByText('things is trained.', { exact: false }).first().waitFor();
    }));

  it('trains on a folder that is dropped there, and says which of its files cannot be read', () =>
    pages().onPlayground(async (page) => {
      const folder = await trainingFolder(join(pages().directory, 'dropped'));
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Compositions' }).click();
      await page.getByText('Train a vocabulary on your photos').click();
      await page.getByLabel('Name').fill('dropped');
      await page.getByLabel('Epochs').fill('2');
      const zone = page.locator('.dropzone');
      await dropFiles(zone, [join(folder, 'images')]);
      await page.getByText('The folder has no metadata.json').first().waitFor();
      await dropFiles(zone, [folder]);
      await page.getByText('dropped is trained.', { exact: false }).first().waitFor();

      await page.getByLabel('Name').fill('contents');
      await dropFiles(zone, [join(folder, 'metadata.json'), join(folder, 'images')]);
      await page.getByText('contents is trained.', { exact: false }).first().waitFor();

      await page.getByLabel('Name').fill('incomplete');
      const losePhoto = async (route: Route) => {
        await rm(join(folder, 'images/coffee.jpg'));
        await route.continue();
      };
      await page.route('**/vocabularies', losePhoto, { times: 1 });
      await dropFiles(zone, [folder]);
      await page.getByText('images/coffee.jpg cannot be read.', { exact: false }).first().waitFor();
    }));

  it('trains once at a time: what is dropped or chosen meanwhile is refused, and can be trained on later', () =>
    pages().onPlayground(async (page) => {
      const folder = await trainingFolder(join(pages().directory, 'once'));
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Compositions' }).click();
      await page.getByText('Train a vocabulary on your photos').click();
      await page.getByLabel('Name').fill('long');
      await page.getByLabel('Epochs').fill('500');
      const zone = page.locator('.dropzone');
      await dropFiles(zone, [folder]);
      const cancel = page.getByRole('button', { name: 'Cancel' });
      await cancel.waitFor();
      await zone.getByText('long is being trained. Cancel it or wait.').waitFor();

      await page.getByLabel('Name').fill('later');
      await page.getByLabel('Epochs').fill('2');
      await dropFiles(zone, [folder]);
      await zone.locator('.problem').waitFor();
      await page.getByLabel('Folder with training photos').setInputFiles(folder);
      await assertAccessible(page);
      await cancel.click();
      await page.getByText('The training was cancelled.').first().waitFor();
      await zone.getByText('Drop a folder with metadata.json and images/, or').waitFor();
      await dropFiles(zone, [folder]);
      await page.getByText('later is trained.', { exact: false }).first().waitFor();
      assert.equal(await page.getByText('long is trained.').count(), 0);
    }));

  it('begins with words that it gets right on each sample', () =>
    pages().onPlayground(async (page) => {
      for (const [name, expected] of [
        ['Cat', 'brown kitty'],
        ['Coffee', 'brown coffee'],
        ['Astronaut', 'Probably none of these'],
        ['Cameraman', 'black camera'],
      ] as const) {
        await openSample(page, name);
        await page.getByRole('button', { name: 'Compositions' }).click();
        await page.getByRole('button', { name: 'Classify' }).click();
        await page.getByRole('heading', { name: expected }).waitFor();
        const said = await page.getByRole('status').innerText();
        assert.match(said, name === 'Astronaut' ? /^Probably none of these pairs, \d+ %\./ : /is the best pair\.$/);
        await page.getByRole('button', { name: 'New photo' }).click();
      }
    }));
}

/** A folder to train from: four photos for two pairs, and others of them to validate with. */
async function trainingFolder(parent: string): Promise<string> {
  const folder = join(parent, 'things');
  await mkdir(join(folder, 'images'), { recursive: true });
  const shown = { 'coffee.jpg': ['ceramic', 'cup'], 'chelsea.jpg': ['furry', 'cat'] } as const;
  const rows = Object.entries(shown).flatMap(([image, [attr, obj]]) =>
    (['train', 'val'] as const).map((set) => ({ image, attr, obj, set })),
  );
  for (const image of Object.keys(shown)) await copyFile(sample(image), join(folder, 'images', image));
  await writeFile(join(folder, 'metadata.json'), JSON.stringify(rows));
  return folder;
}

import { ConnectionError, ServiceError, type Progress, type VocabularyDescription } from '@tessera/client';
import { announce } from '../page/announce.js';
import { element } from '../page/element.js';
import { reasonOf } from '../page/reason.js';
import { runningStage } from '../page/words.js';
import { readingProblem } from '../photo/reading-problem.js';
import { QueuePlace } from '../service/queue-place.js';
import type { Service } from '../service/service.js';
import { droppedFiles, chosenFiles } from './training-files.js';
import { trainingArchive, type TrainingFile } from './training-archive.js';
import { trainingCurves } from './training-curves.js';
import { noAuc, progressSentence, trainedSentence } from './training-words.js';

const dropHint = 'Drop a folder with metadata.json and images/, or';

/** Trains a vocabulary from a folder, and shows how it learns. */
export class TrainingView {
  readonly root: HTMLElement;
  readonly #name = element('input', {
    type: 'text',
    id: 'vocabulary-name',
    value: 'mine',
    required: true,
    pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}',
    title: 'A letter or digit, then up to 63 letters, digits, dots, hyphens and underscores',
  });
  readonly #epochs = element('input', {
    type: 'number',
    id: 'epochs',
    min: 1,
    max: 500,
    placeholder: 'the model decides',
  });
  readonly #folder = element('input', {
    type: 'file',
    webkitdirectory: true,
    id: 'training-folder',
    class: 'unseen-text',
    tabindex: -1,
    'aria-label': 'Folder with training photos',
  });
  /** Changes with every epoch; screen readers hear the beginning and the end. */
  readonly #state = element('div', { class: 'stack' });
  readonly #hint = element('p', { class: 'quiet' }, dropHint);
  #isTraining = false;
  readonly #service: Service;
  readonly #onTrained: (name: string) => void;

  constructor(service: Service, onTrained: (name: string) => void) {
    this.#service = service;
    this.#onTrained = onTrained;
    this.#folder.addEventListener('change', () => {
      const files = chosenFiles(this.#folder.files);
      this.#folder.value = '';
      void this.#begin(() => Promise.resolve(files));
    });
    const zone = element(
      'div',
      {
        class: 'dropzone',
        drop: (event: DragEvent) => {
          event.preventDefault();
          void this.#begin(() => droppedFiles(event.dataTransfer));
        },
      },
      this.#hint,
      element(
        'button',
        {
          type: 'button',
          class: 'button',
          click: () => {
            if (!this.#refuses()) this.#folder.click();
          },
        },
        'Choose a folder',
      ),
      this.#folder,
    );
    this.root = element(
      'details',
      { class: 'training' },
      element('summary', {}, 'Train a vocabulary on your photos'),
      element(
        'div',
        { class: 'stack' },
        element('div', {}, element('label', { for: 'vocabulary-name', class: 'label' }, 'Name'), this.#name),
        element('div', {}, element('label', { for: 'epochs', class: 'label' }, 'Epochs'), this.#epochs),
        zone,
        this.#state,
      ),
    );
  }

  /** While a training runs, its curves and Cancel keep their place. */
  #refuses(): boolean {
    if (!this.#isTraining) return false;
    this.#hint.className = 'problem';
    announce(this.#hint.textContent);
    return true;
  }

  async #begin(read: () => Promise<readonly TrainingFile[]>, mayReplace = false): Promise<void> {
    if (this.#refuses() || !this.#name.reportValidity() || !this.#epochs.reportValidity()) return;
    const name = this.#name.value;
    this.#isTraining = true;
    this.#hint.textContent = `${name} is being trained. Cancel it or wait.`;
    const files = await read().catch((error: unknown) => {
      this.#fail(`The folder cannot be read. ${reasonOf(error)}`);
    });
    if (files !== undefined) await this.#train(name, files, mayReplace);
    this.#isTraining = false;
    this.#hint.className = 'quiet';
    this.#hint.textContent = dropHint;
  }

  #fail(reason: string): void {
    this.#state.replaceChildren(element('p', { class: 'problem' }, reason));
    announce(reason);
  }

  /** Trains, but never in place of a vocabulary without having asked. */
  async #train(name: string, files: readonly TrainingFile[], mayReplace: boolean): Promise<void> {
    const askFirst = () => {
      this.#askToReplace(name, files);
    };
    const recipe = this.#epochs.value === '' ? {} : { recipe: { epochs: this.#epochs.valueAsNumber } };
    const cancelling = new AbortController();
    try {
      const archive = trainingArchive(files);
      // Before the photos are sent for nothing.
      if (!mayReplace && (await this.#isTaken(name))) {
        askFirst();
        return;
      }
      announce('Sending the photos.');
      this.#state.replaceChildren(element('p', { class: 'quiet' }, `Sending ${files.length} files …`));
      const { id } = await this.#service.call((client) =>
        client.trainOnArchive({ name, replace: mayReplace, ...recipe }, archive),
      );
      const cancel = () => {
        cancelling.abort();
        void this.#service.call((client) => client.cancelJob(id)).catch(() => undefined);
      };
      const trained = await this.#follow(id, cancelling.signal, cancel);
      const sentence = trainedSentence(trained);
      this.#state.replaceChildren(...this.#state.querySelectorAll('.course'), element('p', {}, sentence));
      announce(sentence);
      this.#onTrained(name);
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'TSR_VOCABULARY_CONFLICT' && !mayReplace) {
        askFirst();
        return;
      }
      const unread = error instanceof ConnectionError ? await unreadFile(files) : undefined;
      this.#fail(cancelling.signal.aborted ? 'The training was cancelled.' : (unread ?? reasonOf(error)));
    }
  }

  async #isTaken(name: string): Promise<boolean> {
    const vocabularies = await this.#service.call((client) => client.vocabularies());
    return vocabularies.some((other) => other.name === name);
  }

  /** What to do about a name that is taken; nothing is sent until the person has chosen. */
  #askToReplace(name: string, files: readonly TrainingFile[]): void {
    const question = `There is a vocabulary named ${name} already.`;
    const rename = () => {
      this.#state.replaceChildren(element('p', { class: 'quiet' }, 'Change the name, then choose the folder again.'));
      this.#name.focus();
      this.#name.select();
    };
    const replace = () => {
      this.#name.value = name;
      void this.#begin(() => Promise.resolve(files), true);
    };
    const choice = (text: string, click: () => void) =>
      element('button', { type: 'button', class: 'button', click }, text);
    const keep = choice('Choose another name', rename);
    this.#state.replaceChildren(
      element('p', {}, question),
      element('div', { class: 'row' }, keep, choice(`Replace ${name}`, replace)),
    );
    announce(question);
    keep.focus();
  }

  async #follow(id: string, signal: AbortSignal, cancel: () => void): Promise<VocabularyDescription> {
    const epochs: Progress[] = [];
    const words = element('p', { class: 'quiet course' }, 'Waiting for a worker …');
    const plot = element('div', { class: 'course' });
    const note = element('p', { class: 'quiet', hidden: true }, noAuc);
    const button = element('button', { type: 'button', class: 'button', click: cancel }, 'Cancel');
    this.#state.replaceChildren(words, plot, note, button);
    const place = new QueuePlace(
      (job) => this.#service.call((client) => client.job(job)),
      (ahead) => {
        words.textContent = `${runningStage('queue', ahead)} …`;
      },
    );
    const updates = await this.#service.call((client) => Promise.resolve(client.followJob(id, { signal })));
    try {
      for await (const update of updates) {
        place.take(update);
        if (update.event === 'result') {
          return update.data as VocabularyDescription;
        }
        if (update.event === 'error') throw new Error(update.data.detail);
        if (update.event !== 'progress') continue;
        const { epochs: of = 1, loss } = update.data;
        words.textContent = progressSentence(update.data);
        if (loss === undefined) continue;
        epochs.push(update.data);
        note.hidden = epochs.some(({ validation_auc: auc }) => auc !== undefined);
        plot.replaceChildren(trainingCurves(epochs, of));
      }
    } finally {
      place.close();
    }
    throw new Error('The training ended without a result.');
  }
}

/** What is wrong with the first file that cannot be read: then nothing is sent, as if there were no service. */
async function unreadFile(files: readonly TrainingFile[]): Promise<string | undefined> {
  for (const { path, file } of files) {
    const problem = await readingProblem(file, path);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

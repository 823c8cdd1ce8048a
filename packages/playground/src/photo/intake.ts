import { element, icon } from '../page/element.js';
import { closePhoto, openPhoto, type Photo } from './photo.js';
import { readingProblem } from './reading-problem.js';
import { refusalOf } from './refusal.js';
import { samples, sampleUrl, type Sample } from './samples.js';

type OnPhoto = (photo: Photo, ask: string | undefined) => void;

/** The ways to bring a photo: choosing and samples on the start screen, dropping and pasting everywhere. */
export class Intake {
  readonly root: HTMLElement;
  readonly #chooser = element('input', { type: 'file', accept: 'image/*', hidden: true });
  /** Why the last file was not opened; the page shows it wherever it takes photos. */
  readonly problem = element('p', { class: 'problem refusal', role: 'alert' });
  readonly #button = element(
    'button',
    {
      type: 'button',
      class: 'button primary large',
      click: () => {
        this.choose();
      },
    },
    icon('photo'),
    'Choose a photo',
  );
  readonly #onPhoto: OnPhoto;
  /** What was chosen last: a slower photo from before does not take its place. */
  #latest: symbol | undefined;

  constructor(onPhoto: OnPhoto) {
    this.#onPhoto = onPhoto;
    this.#chooser.addEventListener('change', () => {
      const [file] = this.#chooser.files ?? [];
      this.#chooser.value = '';
      if (file !== undefined) void this.#open(file);
    });
    this.root = element(
      'div',
      { class: 'intake' },
      this.#chooser,
      element('h1', {}, 'Say what to find.', element('br'), 'Get its mask.'),
      element('p', { class: 'lead' }, 'Drop a photo here, paste one, or'),
      this.#button,
      element('p', { class: 'quiet', id: 'samples-title' }, 'or begin with one of these'),
      element(
        'ul',
        { class: 'samples', 'aria-labelledby': 'samples-title' },
        ...samples.map((sample) => this.#sample(sample)),
      ),
    );
    this.#listen();
  }

  choose(): void {
    this.#chooser.click();
  }

  /** Gives the keyboard its first control. */
  focus(): void {
    this.#button.focus();
  }

  #sample(sample: Sample): HTMLElement {
    const picture = element('img', { src: sampleUrl(sample), alt: sample.alt, width: 120, height: 90 });
    const open = () => {
      void this.#openSample(sample);
    };
    return element(
      'li',
      {},
      element('button', { type: 'button', class: 'sample', click: open }, picture, element('span', {}, sample.title)),
    );
  }

  #openSample(sample: Sample): Promise<void> {
    const { file, credit, suggestions, compositions } = sample;
    const open = async () => {
      const picture = await fetch(sampleUrl(sample)).then(
        (response) => (response.ok ? response.blob() : undefined),
        () => undefined,
      );
      return picture === undefined
        ? 'The photo cannot be loaded. Is the service still running?'
        : openPhoto(picture, file, { credit, suggestions, compositions });
    };
    return this.#openLatest(open, suggestions[0]);
  }

  #open(file: File, isFolder = false): Promise<void> {
    const name = file.name === '' ? 'pasted.png' : file.name;
    const open = async () => {
      if (isFolder) return `“${name}” is a folder, not a photo.`;
      return (await readingProblem(file, name)) ?? refusalOf(file) ?? openPhoto(file, name);
    };
    return this.#openLatest(open, undefined);
  }

  /** Opens a photo, or says why not, unless another one was chosen meanwhile. */
  async #openLatest(open: () => Promise<Photo | string>, ask: string | undefined): Promise<void> {
    const opening = Symbol();
    this.#latest = opening;
    this.problem.textContent = '';
    const photo = await open();
    const isLatest = this.#latest === opening;
    if (typeof photo !== 'string') {
      if (isLatest) this.#onPhoto(photo, ask);
      else closePhoto(photo);
    } else if (isLatest) this.problem.textContent = photo;
  }

  #listen(): void {
    const classes = document.body.classList;
    // Text that is dropped goes into the field under it.
    const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') === true;
    document.addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      classes.add('dropping');
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) classes.remove('dropping');
    });
    document.addEventListener('drop', (event) => {
      classes.remove('dropping');
      if (event.defaultPrevented || !hasFiles(event)) return;
      event.preventDefault();
      const item = [...(event.dataTransfer?.items ?? [])].find(({ kind }) => kind === 'file');
      const file = item?.getAsFile() ?? undefined;
      if (file !== undefined) void this.#open(file, item?.webkitGetAsEntry()?.isDirectory);
    });
    document.addEventListener('paste', (event) => {
      const image = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (image !== undefined) void this.#open(image);
    });
  }
}

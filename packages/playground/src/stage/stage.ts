import { announceAtRest } from '../page/announce.js';
import { element } from '../page/element.js';
import type { Photo, PhotoSize } from '../photo/photo.js';
import type { Box, Correction } from '../segment/corrections.js';
import { listenToPointing, type Tool } from './pointing.js';

/** What lies over the photo. */
export interface Overlay {
  readonly picture: Element;
  readonly isSelected: boolean;
}

export interface StageOptions {
  readonly tool: () => Tool;
  readonly onCorrection: (correction: Correction) => void;
  readonly onUndo: () => void;
}

/** The frame of a photo whose size is not known. */
const unknownSize = { width: 640, height: 480 };

/** The photo, as large as its place allows, with masks over it; takes clicks, drags and keys. */
export class Stage {
  readonly root = element('figure', { class: 'stage' });
  readonly #overlays = element('div', { class: 'overlays' });
  readonly #marks = element('div', { class: 'marks' });
  readonly #drawn = element('div', { class: 'mark box drawn', hidden: true });
  readonly #crosshair = element('div', { class: 'crosshair', hidden: true });
  readonly #surface = element('div', {
    class: 'surface',
    tabindex: 0,
    role: 'application',
    'aria-label':
      'Photo. Arrow keys move a crosshair, Enter includes what is under it, X excludes it, B sets a corner of a box, Z takes the last one back.',
  });
  readonly #frame = element('div', { class: 'frame' });
  readonly #caption = element('figcaption', { class: 'credit' });
  #photo: Photo | undefined;
  #isPointing = false;

  constructor(options: StageOptions) {
    this.root.append(this.#frame, this.#caption);
    listenToPointing({
      surface: this.#surface,
      size: () => this.#size,
      tool: options.tool,
      onCorrection: options.onCorrection,
      onUndo: options.onUndo,
      showBox: (box) => {
        this.#drawn.hidden = box === undefined;
        if (box !== undefined) this.#place(this.#drawn, box);
      },
      showCrosshair: (position) => {
        this.#crosshair.hidden = position === undefined;
        if (position !== undefined) this.#place(this.#crosshair, [position.x, position.y, 0, 0]);
      },
      describeCrosshair: announceAtRest,
    });
  }

  show(photo: Photo): void {
    this.#photo = photo;
    this.#frame.replaceChildren(
      ...(photo.picture === undefined ? [] : [photo.picture]),
      this.#overlays,
      this.#marks,
      this.#drawn,
      this.#crosshair,
      this.#surface,
    );
    this.#caption.textContent =
      photo.picture === undefined
        ? 'This browser cannot show the file. Clicks and boxes wait until the service has said how large it is.'
        : (photo.credit ?? '');
    this.fit();
    this.showOverlays([]);
    this.showMarks([], '');
  }

  /** Says under the frame of a photo that the browser cannot show what is known about it; the frame may be small. */
  explain(sentence: string): void {
    this.#caption.textContent = sentence;
  }

  /** Follows the photo's size, which of some photos only the service knows: until then nothing can be pointed to. */
  fit(): void {
    const { width, height } = this.#size;
    this.#surface.hidden = !this.#isPointing || this.#photo?.size === undefined;
    this.#frame.style.setProperty('--width', String(width));
    this.#frame.style.setProperty('--height', String(height));
  }

  /** Whether clicks and keys on the photo do anything. */
  allowPointing(isAllowed: boolean): void {
    this.#isPointing = isAllowed;
    this.fit();
  }

  showOverlays(overlays: readonly Overlay[]): void {
    for (const { picture, isSelected } of overlays) picture.classList.toggle('selected', isSelected);
    this.#overlays.replaceChildren(...overlays.map(({ picture }) => picture));
  }

  showMarks(corrections: readonly Correction[], colour: string): void {
    this.#marks.style.setProperty('--colour', colour);
    this.#marks.replaceChildren(
      ...corrections.map((one) => {
        const kind = one.kind === 'box' ? 'box' : one.label === 1 ? 'include' : 'exclude';
        const mark = element('div', { class: `mark ${kind}` });
        this.#place(mark, one.kind === 'box' ? one.box : [one.x, one.y, 0, 0]);
        return mark;
      }),
    );
  }

  get #size(): PhotoSize {
    return this.#photo?.size ?? unknownSize;
  }

  #place(mark: HTMLElement, [x, y, width, height]: Box): void {
    const photo = this.#size;
    mark.style.left = `${(100 * x) / photo.width}%`;
    mark.style.top = `${(100 * y) / photo.height}%`;
    if (width === 0) return;
    mark.style.width = `${(100 * width) / photo.width}%`;
    mark.style.height = `${(100 * height) / photo.height}%`;
  }
}

import { ClassifyView } from './classify/classify-view.js';
import { announce } from './page/announce.js';
import { element } from './page/element.js';
import { isByKeyboard } from './page/focus.js';
import { reasonOf } from './page/reason.js';
import { Intake } from './photo/intake.js';
import { closePhoto, learnFrom, type Photo, type PhotoSize } from './photo/photo.js';
import { SegmentView } from './segment/segment-view.js';
import { cssColour, nameOf } from './segment/layer.js';
import { outcomeSentence } from './segment/outcome.js';
import { Layers } from './segment/layers.js';
import { requestKey } from './service/key-dialog.js';
import { Service } from './service/service.js';
import { Stage } from './stage/stage.js';
import { Toolbar } from './stage/toolbar.js';
import { TokensView } from './tokens/tokens-view.js';

/** Where the parts of the page are. */
export interface Places {
  readonly photo: HTMLElement;
  readonly panel: HTMLElement;
  /** Under both, as wide as the page. */
  readonly below: HTMLElement;
  /** Buttons that show a view, by its name in `data-view`. */
  readonly views: readonly HTMLElement[];
}

const headings: Readonly<Record<string, string>> = { tokens: 'Tokens', compositions: 'Compositions' };

/** Puts the page together: one photo, and views that ask about it. */
export class App {
  /** Says which view of which photo this is; whoever sees the page has the buttons of the views. */
  readonly #heading = element('h1', { class: 'unseen-text' });
  readonly #service = new Service(requestKey);
  readonly #places: Places;
  readonly #stage: Stage;
  readonly #toolbar: Toolbar;
  readonly #layers: Layers;
  readonly #segment: SegmentView;
  readonly #tokens: TokensView;
  readonly #classify: ClassifyView;
  readonly #intake: Intake;
  #photo: Photo | undefined;
  #view = 'masks';

  constructor(places: Places) {
    this.#places = places;
    this.#layers = new Layers({
      service: this.#service,
      onChange: () => {
        this.#render();
      },
      onEnd: (layer) => {
        announce(outcomeSentence(layer));
      },
      onRemove: (layer) => {
        announce(`${nameOf(layer)} removed.`);
      },
    });
    const undo = () => {
      this.#layers.undo();
    };
    this.#toolbar = new Toolbar({
      undo,
      newPhoto: () => {
        this.#start();
      },
    });
    this.#stage = new Stage({
      tool: () => this.#toolbar.tool,
      onCorrection: (correction) => {
        this.#goOn();
        this.#layers.correct(correction);
      },
      onUndo: undo,
    });
    const snippetSettings = () => ({
      url: new URL('.', location.href).href,
      fileName: this.#photo?.fileName ?? 'photo.jpg',
      needsKey: this.#service.hasKey,
    });
    this.#segment = new SegmentView(this.#layers, snippetSettings);
    this.#tokens = new TokensView({ service: this.#service, stage: this.#stage, snippetSettings });
    this.#classify = new ClassifyView({ service: this.#service, snippetSettings });
    this.#intake = new Intake((photo, ask) => {
      this.#open(photo, ask);
    });
    for (const button of places.views) {
      button.addEventListener('click', () => {
        this.#goOn();
        this.#show(button.dataset.view ?? 'masks');
      });
    }
    for (const action of ['click', 'submit']) {
      places.panel.addEventListener(action, () => {
        this.#goOn();
      });
    }
    this.#start();
  }

  #start(): void {
    const takesFocus = isByKeyboard();
    this.#close();
    document.body.classList.remove('working', 'comparing');
    this.#places.photo.replaceChildren(this.#intake.root, this.#intake.problem);
    this.#places.panel.replaceChildren();
    this.#places.below.replaceChildren();
    if (takesFocus) this.#intake.focus();
  }

  #open(photo: Photo, ask: string | undefined): void {
    const takesFocus = isByKeyboard();
    this.#close();
    this.#photo = photo;
    document.body.classList.add('working');
    this.#places.photo.replaceChildren(this.#heading, this.#stage.root, this.#toolbar.root, this.#intake.problem);
    this.#stage.show(photo);
    this.#layers.open(photo);
    this.#tokens.open(photo);
    this.#classify.open(photo);
    if (photo.size === undefined) void this.#learnSize(photo);
    else announce(sizeSentence(photo.fileName, photo.size));
    this.#show('masks');
    this.#segment.open(photo, ask, takesFocus);
  }

  /** Asks the service about a photo that the browser cannot show. */
  async #learnSize(photo: Photo): Promise<void> {
    announce(`This browser cannot show ${photo.fileName}.`);
    try {
      const stored = await this.#service.store(photo, photo.left.signal);
      learnFrom(photo, stored);
      const sentence = sizeSentence(photo.fileName, stored);
      this.#stage.explain(`This browser cannot show the file. ${sentence} Masks appear in this frame.`);
      announce(sentence);
      this.#stage.fit();
    } catch (error) {
      if (photo.left.signal.aborted) return;
      const reason = reasonOf(error);
      this.#stage.explain(`This browser cannot show the file, and the service did not read it. ${reason}`);
      announce(reason);
    }
  }

  #show(view: string): void {
    this.#view = view;
    this.#heading.textContent = `${headings[view] ?? 'Masks'} of ${this.#photo?.fileName ?? 'the photo'}`;
    this.#tokens.hide();
    const roots: Readonly<Record<string, HTMLElement>> = {
      tokens: this.#tokens.root,
      compositions: this.#classify.root,
    };
    this.#places.panel.replaceChildren(roots[view] ?? this.#segment.root);
    const isComparing = view === 'tokens';
    this.#places.below.replaceChildren(...(isComparing ? [this.#tokens.cuts] : []));
    document.body.classList.toggle('comparing', isComparing);
    for (const button of this.#places.views) {
      button.setAttribute('aria-pressed', String(button.dataset.view === view));
    }
    const isPointing = view === 'masks';
    this.#stage.allowPointing(isPointing);
    this.#toolbar.allowPointing(isPointing);
    this.#render();
    if (view === 'tokens') this.#tokens.show(this.#layers.selected?.query ?? this.#layers.all.at(-1)?.query);
    if (view === 'compositions') this.#classify.show();
  }

  /** Why another photo was not opened no longer matters once the open one is worked with. */
  #goOn(): void {
    this.#intake.problem.textContent = '';
  }

  #close(): void {
    if (this.#photo !== undefined) closePhoto(this.#photo);
    this.#photo = undefined;
  }

  #render(): void {
    const { all, selected } = this.#layers;
    this.#segment.render();
    this.#stage.fit();
    if (this.#view === 'tokens') {
      this.#stage.showMarks([], '');
      return;
    }
    const shown = this.#view === 'masks' ? all : [];
    this.#stage.showOverlays(
      shown.flatMap((layer) =>
        layer.answer === undefined || !layer.isVisible
          ? []
          : [{ picture: layer.answer.picture, isSelected: layer === selected }],
      ),
    );
    const corrections = this.#view === 'masks' ? (selected?.corrections ?? []) : [];
    this.#stage.showMarks(corrections, selected === undefined ? '' : cssColour(selected.colour));
    this.#toolbar.allowUndo(corrections.length > 0);
  }
}

function sizeSentence(fileName: string, { width, height }: PhotoSize): string {
  return `${fileName}, ${width} by ${height} pixels.`;
}

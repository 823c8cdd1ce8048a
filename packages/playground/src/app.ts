import { announce } from './page/announce.js';
import { Intake } from './photo/intake.js';
import { closePhoto, type Photo } from './photo/photo.js';
import { SegmentView } from './segment/segment-view.js';
import { cssColour } from './segment/layer.js';
import { Layers } from './segment/layers.js';
import { requestKey } from './service/key-dialog.js';
import { Service } from './service/service.js';
import { Stage } from './stage/stage.js';
import { Toolbar } from './stage/toolbar.js';

/** Puts the page together. */
export class App {
  readonly #service = new Service(requestKey);
  readonly #stage: Stage;
  readonly #toolbar: Toolbar;
  readonly #layers: Layers;
  readonly #segment: SegmentView;
  readonly #place: HTMLElement;
  readonly #panel: HTMLElement;
  readonly #intake: Intake;
  #photo: Photo | undefined;

  constructor(place: HTMLElement, panel: HTMLElement) {
    this.#place = place;
    this.#panel = panel;
    this.#layers = new Layers({
      service: this.#service,
      onChange: () => {
        this.#render();
      },
      onEnd: (layer) => {
        this.#segment.announce(layer);
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
        this.#layers.correct(correction);
      },
      onUndo: undo,
    });
    this.#segment = new SegmentView(this.#layers, () => ({
      url: new URL('.', location.href).href,
      fileName: this.#photo?.fileName ?? 'photo.jpg',
      needsKey: this.#service.hasKey,
    }));
    this.#intake = new Intake((photo, ask) => {
      this.#open(photo, ask);
    });
    this.#start();
  }

  #start(): void {
    this.#close();
    document.body.classList.remove('working');
    this.#place.replaceChildren(this.#intake.root);
    this.#panel.replaceChildren();
  }

  #open(photo: Photo, ask: string | undefined): void {
    this.#close();
    this.#photo = photo;
    document.body.classList.add('working');
    this.#place.replaceChildren(this.#stage.root, this.#toolbar.root);
    this.#panel.replaceChildren(this.#segment.root);
    this.#stage.show(photo);
    this.#layers.open(photo);
    announce(`${photo.fileName}, ${photo.width} by ${photo.height} pixels.`);
    this.#segment.open(photo, ask);
  }

  #close(): void {
    if (this.#photo !== undefined) closePhoto(this.#photo);
    this.#photo = undefined;
  }

  #render(): void {
    const { all, selected } = this.#layers;
    this.#segment.render();
    this.#stage.fit();
    this.#stage.showOverlays(
      all.flatMap(({ answer, isVisible }, index) =>
        answer === undefined || !isVisible ? [] : [{ picture: answer.picture, isSelected: all[index] === selected }],
      ),
    );
    const corrections = selected?.corrections ?? [];
    this.#stage.showMarks(corrections, selected === undefined ? '' : cssColour(selected.colour));
    this.#toolbar.allowUndo(corrections.length > 0);
  }
}

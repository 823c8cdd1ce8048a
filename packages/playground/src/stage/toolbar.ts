import { element, icon, type IconName } from '../page/element.js';
import { isByKeyboard } from '../page/focus.js';
import type { Tool } from './pointing.js';

export interface ToolbarActions {
  readonly undo: () => void;
  readonly newPhoto: () => void;
}

const tools: readonly { readonly tool: Tool; readonly name: string; readonly hint: string }[] = [
  { tool: 'include', name: 'Include', hint: 'Click on what belongs to the mask' },
  { tool: 'exclude', name: 'Exclude', hint: 'Click on what does not belong to it' },
  { tool: 'box', name: 'Box', hint: 'Drag a box around an object' },
];

/** What a click on the photo does, and what there is to do with the photo. */
export class Toolbar {
  readonly root: HTMLElement;
  readonly #undo: HTMLButtonElement;
  readonly #tools: HTMLElement;
  #tool: Tool = 'include';

  constructor({ undo, newPhoto }: ToolbarActions) {
    this.#undo = labelled('undo', 'Undo', undo);
    this.#tools = element(
      'fieldset',
      { class: 'tools' },
      element('legend', { class: 'unseen-text' }, 'What a click on the photo does'),
      ...tools.map((one) => this.#choice(one)),
    );
    this.root = element('div', { class: 'toolbar' }, this.#tools, this.#undo, labelled('photo', 'New photo', newPhoto));
    this.allowUndo(false);
  }

  get tool(): Tool {
    return this.#tool;
  }

  /** Shows the tools where a click on the photo does something. */
  allowPointing(isAllowed: boolean): void {
    this.#tools.hidden = !isAllowed;
    this.#undo.hidden = !isAllowed;
  }

  allowUndo(isAllowed: boolean): void {
    const takesFocus = !isAllowed && document.activeElement === this.#undo && isByKeyboard();
    this.#undo.disabled = !isAllowed;
    // A disabled button would drop the focus.
    if (takesFocus) this.#tools.querySelector<HTMLElement>(':checked')?.focus();
  }

  #choice({ tool, name, hint }: (typeof tools)[number]): HTMLElement {
    const choose = () => {
      this.#tool = tool;
      this.root.dataset.tool = tool;
    };
    const input = element('input', {
      type: 'radio',
      name: 'tool',
      value: tool,
      checked: tool === this.#tool,
      change: choose,
    });
    return element('label', { class: 'tool', title: hint }, input, icon(tool), element('span', {}, name));
  }
}

function labelled(name: IconName, text: string, click: () => void): HTMLButtonElement {
  return element('button', { type: 'button', class: 'button plain', click }, icon(name), element('span', {}, text));
}

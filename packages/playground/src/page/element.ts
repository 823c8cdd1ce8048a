import { drawing } from './drawing.js';

type Attribute = string | number | boolean | undefined | ((event: never) => void);
type Child = Node | string | undefined;

/**
 * Makes an element. Functions among the attributes listen to the event of their name; `true` is an attribute without a
 * value, `false` and undefined are left out.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value as EventListener);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

/** Paths of the icons in a square of 24. */
const icons = {
  include: 'M12 5v14M5 12h14',
  exclude: 'M5 12h14',
  box: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4',
  undo: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  show: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  hide: 'M4 4l16 16M10 6c9-2 12 6 12 6s-1 2-3 4M6 8c-3 2-4 4-4 4s4 7 10 7c1 0 2 0 3-1',
  remove: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  photo: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
  key: 'M14 10a4 4 0 1 0-4 4c1 0 2-.3 2.7-1H15v2h2v2h3v-3l-5-5',
} as const;
export type IconName = keyof typeof icons;

/** A drawing for a button that has its name in words as well. */
export function icon(name: IconName): SVGElement {
  const attributes = { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' };
  return drawing('svg', attributes, drawing('path', { d: icons[name] }));
}

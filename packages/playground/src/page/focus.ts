/** Whether the last action came from the keyboard. */
export function isByKeyboard(): boolean {
  return document.activeElement?.matches(':focus-visible') === true;
}

/**
 * Renders, and gives the focus back to the control that had it, by its `data-key`. Where it is gone, the keyboard goes on
 * at the next best.
 *
 * @param nextBest - of a key that is gone, by keyboard or by a pointer
 */
export function keepingFocus(
  root: HTMLElement,
  render: () => void,
  nextBest: (key: string, isByKeyboard: boolean) => HTMLElement | undefined = () => undefined,
): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && root.contains(active) ? active.dataset.key : undefined;
  const isVisible = isByKeyboard();
  render();
  if (key === undefined) return;
  const same = controlOf(root, key);
  (same ?? nextBest(key, isVisible))?.focus();
}

/** The control with this `data-key`. */
export function controlOf(root: HTMLElement, key: string): HTMLElement | undefined {
  return [...root.querySelectorAll<HTMLElement>('[data-key]')].find((control) => control.dataset.key === key);
}

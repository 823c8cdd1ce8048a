/** Renders, and gives the focus back to the control that had it, by its `data-key`. */
export function keepingFocus(root: HTMLElement, render: () => void): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && root.contains(active) ? active.dataset.key : undefined;
  render();
  if (key === undefined) return;
  for (const control of root.querySelectorAll<HTMLElement>('[data-key]')) {
    if (control.dataset.key === key) control.focus();
  }
}

import { element } from '../page/element.js';

/** Asks for an API key in a dialog; undefined when it is closed without one. */
export function requestKey(wasRefused: boolean): Promise<string | undefined> {
  const input = element('input', { type: 'password', name: 'key', autocomplete: 'off', required: true, id: 'api-key' });
  const dialog = element(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'key-title' },
    element(
      'form',
      { method: 'dialog', class: 'stack' },
      element('h2', { id: 'key-title' }, 'This service asks for a key'),
      element(
        'p',
        { class: 'quiet' },
        wasRefused
          ? 'The key was not accepted. Try another one.'
          : 'It is kept until you close this tab, and sent to this service alone.',
      ),
      element('label', { for: 'api-key', class: 'label' }, 'API key'),
      input,
      element(
        'div',
        { class: 'row end' },
        element(
          'button',
          {
            type: 'button',
            class: 'button',
            click: () => {
              dialog.close('');
            },
          },
          'Cancel',
        ),
        element('button', { class: 'button primary', value: 'use' }, 'Use key'),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const key = input.value.trim();
      dialog.remove();
      resolve(dialog.returnValue === 'use' && key !== '' ? key : undefined);
    });
  });
}

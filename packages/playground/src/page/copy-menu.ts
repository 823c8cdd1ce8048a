import type { Question } from '../service/question.js';
import { snippets, type SnippetLanguage, type SnippetSettings } from '../service/snippets.js';
import { announce } from './announce.js';
import { element, icon } from './element.js';

const languages = Object.keys(snippets) as SnippetLanguage[];
const confirmationMs = 1_600;

/** Buttons that copy a request as code. */
export function copyMenu(question: Question, settings: () => SnippetSettings, key: string): HTMLElement {
  return element(
    'div',
    { class: 'copy', role: 'group', 'aria-label': 'Copy this request as code' },
    icon('copy'),
    ...languages.map((language) => {
      const button = element(
        'button',
        {
          type: 'button',
          class: 'link',
          'aria-label': nameOf(language),
          'data-key': `${key}-${language}`,
          click: () => {
            void copy(snippets[language](question, settings()), button, language);
          },
        },
        language,
      );
      return button;
    }),
  );
}

async function copy(text: string, button: HTMLElement, language: string): Promise<void> {
  // Only pages from this machine or over https have a clipboard.
  const isCopied = await (navigator as Partial<Navigator>).clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  announce(isCopied ? `Copied as ${language}.` : 'The browser does not allow copying.');
  button.textContent = isCopied ? 'copied' : 'not allowed';
  button.ariaLabel = isCopied ? `Copied as ${language}` : `${nameOf(language)}: not allowed`;
  setTimeout(() => {
    button.textContent = language;
    button.ariaLabel = nameOf(language);
  }, confirmationMs);
}

function nameOf(language: string): string {
  return `Copy as ${language}`;
}

import './styles/page.css';
import './styles/intake.css';
import './styles/stage.css';
import './styles/panel.css';
import './styles/views.css';
import { App } from './app.js';

const photo = document.querySelector<HTMLElement>('#place');
const panel = document.querySelector<HTMLElement>('#panel');
const below = document.querySelector<HTMLElement>('#below');
if (photo === null || panel === null || below === null) throw new Error('The page has no place for the app.');
new App({ photo, panel, below, views: [...document.querySelectorAll<HTMLElement>('[data-view]')] });

import './styles/page.css';
import './styles/intake.css';
import './styles/stage.css';
import './styles/panel.css';
import './styles/views.css';
import { App } from './app.js';

const photo = document.querySelector<HTMLElement>('#place');
const panel = document.querySelector<HTMLElement>('#panel');
if (photo === null || panel === null) throw new Error('The page has no place for the app.');
new App({ photo, panel, views: [...document.querySelectorAll<HTMLElement>('[data-view]')] });

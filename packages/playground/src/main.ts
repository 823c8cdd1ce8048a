import './styles/page.css';
import './styles/intake.css';
import './styles/stage.css';
import './styles/panel.css';
import { App } from './app.js';

const place = document.querySelector<HTMLElement>('#place');
const panel = document.querySelector<HTMLElement>('#panel');
if (place === null || panel === null) throw new Error('The page has no place for the app.');
new App(place, panel);

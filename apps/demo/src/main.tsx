import { render } from 'preact'
import './styles/index.css'
import { Root } from './root.tsx'
import { watchTheme } from './ui.ts'

watchTheme()
// Loops stop while nobody looks.
const watchHidden = (): void => {
  document.documentElement.toggleAttribute('data-hidden', document.hidden)
}
document.addEventListener('visibilitychange', watchHidden)
watchHidden()

const host = document.getElementById('app')
if (host !== null) render(<Root />, host)

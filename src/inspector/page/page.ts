/** The whole page: what is shown above, the view in the middle, the time below. Keys work wherever nothing is typed. */

import { css, html, LitElement, nothing } from 'lit'
import './actors-view.ts'
import './chart-view.ts'
import './cluster-view.ts'
import './members-view.ts'
import './sequence-view.ts'
import './time-bar.ts'
import { applyChartColours } from './chart-colours.ts'
import { Desk, type ViewName, viewNames } from './desk.ts'
import { badge, look } from './look.ts'
import { openTrace } from './open-trace.ts'

const titles: Readonly<Record<ViewName, string>> = {
  cluster: 'Cluster',
  actors: 'Actors',
  chart: 'Chart',
  sequence: 'Messages',
  members: 'Members',
}

const themes = ['auto', 'light', 'dark'] as const
const darkSystem = matchMedia('(prefers-color-scheme: dark)')
type Theme = (typeof themes)[number]

export class Page extends LitElement {
  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-rows: auto 1fr auto;
        height: 100vh;
        height: 100dvh;
      }
      header {
        display: flex;
        align-items: center;
        gap: 4px 20px;
        padding: 0 16px;
        background: var(--raised);
        border-bottom: 1px solid var(--frame);
        flex-wrap: wrap;
      }
      .brand {
        font-weight: 700;
        letter-spacing: 0.02em;
        font-size: 16px;
      }
      nav {
        display: flex;
        gap: 2px;
        overflow-x: auto;
      }
      nav a {
        padding: 12px 12px 10px;
        color: var(--text);
        border-bottom: 2px solid transparent;
        text-decoration: none;
        white-space: nowrap;
      }
      nav a:hover {
        color: var(--ink);
      }
      nav a[aria-current='page'] {
        color: var(--accent);
        border-bottom-color: var(--accent);
      }
      .right {
        margin-left: auto;
        display: flex;
        align-items: center;
        gap: 12px;
      }
      main {
        overflow: auto;
        min-height: 0;
      }
    `,
  ]

  readonly #desk = new Desk()
  readonly #changed = () => this.requestUpdate()
  #theme: Theme = 'auto'

  override connectedCallback(): void {
    super.connectedCallback()
    this.#setTheme(themes.find((theme) => theme === localStorage.getItem('theme')) ?? 'auto')
    this.#desk.addEventListener('changed', this.#changed)
    darkSystem.addEventListener('change', this.#colour)
    addEventListener('keydown', this.#key)
    addEventListener('dragover', prevent)
    addEventListener('drop', this.#drop)
    this.#desk.begin()
  }

  override render() {
    const desk = this.#desk
    return html`
      <header>
        <span class="brand">Reeve</span>
        <nav aria-label="Views">
          ${viewNames.map(
            (name) => html`<a href="#/${name}" aria-current=${name === desk.view ? 'page' : nothing}
            @click=${(event: Event) => this.#show(event, name)}>${titles[name]}</a>`,
          )}
        </nav>
        <span class="right">
          ${this.#state()}
          <button title="Light, dark, or as the system has it (t)" @click=${() => this.#nextTheme()}>${this.#theme}</button>
        </span>
      </header>
      <main>${this.#view()}</main>
      <reeve-time-bar .desk=${desk}></reeve-time-bar>
    `
  }

  #view() {
    const desk = this.#desk
    switch (desk.view) {
      case 'actors':
        return html`<reeve-actors-view .desk=${desk}></reeve-actors-view>`
      case 'chart':
        return html`<reeve-chart-view .desk=${desk}></reeve-chart-view>`
      case 'sequence':
        return html`<reeve-sequence-view .desk=${desk}></reeve-sequence-view>`
      case 'members':
        return html`<reeve-members-view .desk=${desk}></reeve-members-view>`
      default:
        return html`<reeve-cluster-view .desk=${desk}></reeve-cluster-view>`
    }
  }

  #state() {
    const { file, liveness, isNow } = this.#desk
    if (file) return badge('trace file', 'quiet', `written by ${file.by}`)
    if (liveness === 'closed') return badge('not connected', 'bad', 'Load the page again, or open it with a new link')
    if (liveness !== 'live') return badge(liveness === 'broken' ? 'reconnecting' : 'connecting', 'busy')
    return isNow
      ? badge('live', 'good')
      : badge('in the past', 'busy', 'Records keep coming; the page shows an earlier moment')
  }

  #show(event: Event, view: ViewName): void {
    event.preventDefault()
    this.#desk.show(view)
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    const desk = this.#desk
    const view = viewNames[Number(event.key) - 1]
    if (view) desk.show(view)
    else if (event.key === 'ArrowLeft') desk.step(event.shiftKey ? -100 : -1)
    else if (event.key === 'ArrowRight') desk.step(event.shiftKey ? 100 : 1)
    else if (event.key === ' ' && !desk.file) desk.isNow ? desk.pause() : desk.resume()
    else if (event.key === 't') this.#nextTheme()
    else return
    event.preventDefault()
  }

  readonly #drop = (event: DragEvent): void => {
    event.preventDefault()
    const [file] = event.dataTransfer?.files ?? []
    if (file) void openTrace(file, this.#desk)
  }

  readonly #colour = (): void => {
    applyChartColours(this.#theme === 'dark' || (this.#theme === 'auto' && darkSystem.matches))
  }

  #nextTheme(): void {
    this.#setTheme(themes[(themes.indexOf(this.#theme) + 1) % themes.length] as Theme)
    this.requestUpdate()
  }

  #setTheme(theme: Theme): void {
    this.#theme = theme
    localStorage.setItem('theme', theme)
    if (theme === 'auto') document.documentElement.removeAttribute('data-theme')
    else document.documentElement.setAttribute('data-theme', theme)
    this.#colour()
  }
}

function prevent(event: Event): void {
  event.preventDefault()
}

/** Keys belong to whatever has the focus, where that takes any. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0]
  if (!(target instanceof HTMLElement)) return false
  return (
    target.matches('input, select, textarea, [contenteditable]') ||
    (target.matches('button, a, [tabindex]') && event.key === ' ')
  )
}

customElements.define('reeve-page', Page)

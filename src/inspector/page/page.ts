/** The whole page: what is shown above, the view in the middle, the time below. Keys work wherever nothing is typed. */

import { html, LitElement, nothing, type TemplateResult } from 'lit'
import './actors-view.ts'
import './chart-view.ts'
import './cluster-view.ts'
import './members-view.ts'
import './sequence-view.ts'
import './time-bar.ts'
import type { TraceHeader } from '../record.ts'
import { Desk, type ViewName, viewNames } from './desk.ts'
import { help } from './help.ts'
import { badge, grouped, look } from './look.ts'
import { openTrace } from './open-trace.ts'
import { pageLook } from './page-look.ts'
import { alarmsOf, standingsOf } from './standing.ts'
import type { TimeBar } from './time-bar.ts'

const titles: Readonly<Record<ViewName, string>> = {
  cluster: 'Cluster',
  actors: 'Actors',
  chart: 'Chart',
  sequence: 'Messages',
  members: 'Members',
}

const themes = ['auto', 'light', 'dark'] as const
type Theme = (typeof themes)[number]

export class Page extends LitElement {
  static override styles = [look, pageLook]

  readonly #desk = new Desk()
  readonly #changed = () => this.requestUpdate()
  #theme: Theme = 'auto'

  override connectedCallback(): void {
    super.connectedCallback()
    this.#setTheme(themes.find((theme) => theme === kept('theme')) ?? 'auto')
    this.#desk.addEventListener('changed', this.#changed)
    addEventListener('keydown', this.#key)
    addEventListener('dragover', this.#drag)
    addEventListener('dragleave', this.#drag)
    addEventListener('drop', this.#drop)
    this.#desk.begin()
  }

  override render() {
    const desk = this.#desk
    return html`
      <header>
        <span class="brand"><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4"></rect>
          <circle cx="8" cy="4.5" r="2"></circle><circle cx="4" cy="11.5" r="2"></circle><circle cx="12" cy="11.5" r="2"></circle></svg>Reeve</span>
        <nav aria-label="Views">
          ${viewNames.map(
            (
              name,
              at,
            ) => html`<a href="#/${name}" title="${titles[name]} (${at + 1})" aria-current=${name === desk.view ? 'page' : nothing}
            @click=${(event: Event) => this.#show(event, name)}>${titles[name]}</a>`,
          )}
        </nav>
        <span class="right">
          ${this.#alarms()}
          ${desk.file ? nothing : html`<span role="status">${this.#state()}</span>`}
          <button class="quiet" title="Light, dark, or as the system has it (t)" aria-label="Colours: ${this.#theme}"
            @click=${() => this.#nextTheme()}>${{ auto: '◐', light: '☀', dark: '☾' }[this.#theme]}</button>
          <button class="quiet" title="Keys (?)" aria-label="Keys" @click=${() => this.#help()}>?</button>
        </span>
      </header>
      <div class="notices">
        ${desk.file ? this.#file(desk.file) : nothing}
        ${
          desk.problem
            ? html`<div class="problem" role="alert"><span>✕ ${desk.problem}</span>
              <button @click=${() => this.#forgive()}>Close</button></div>`
            : nothing
        }
      </div>
      <main aria-label=${titles[desk.view]}>${this.#view()}</main>
      <reeve-time-bar .desk=${desk}></reeve-time-bar>
      ${help}
    `
  }

  #view(): TemplateResult {
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

  /** What file it is, and what came of it. */
  #file({ by }: TraceHeader): TemplateResult {
    const { marks } = this.#desk
    const verdict = marks.findLast(({ kind }) => kind === 'verdict')?.text.replace(/^the run: /, '')
    const broken = marks.some(({ kind }) => kind === 'broken')
    return html`<section class="file" aria-label="File">
      <span class="clip by" role="status" title="trace of ${by}">trace of ${by}</span>
      ${verdict || broken ? badge(verdict ?? 'promises broken', broken ? 'bad' : 'good') : nothing}
      ${broken ? html`<button title="The next one (b), the one before (shift b)" @click=${() => this.#desk.toMark(1, 'broken')}>Next broken promise</button>` : nothing}
      <button class="close" @click=${() => this.#desk.close()}>Close file</button></section>`
  }

  #state(): TemplateResult {
    const { liveness, isNow } = this.#desk
    if (liveness === 'closed') return badge('not connected', 'bad', 'Load the page again, or open it with a new link')
    if (liveness !== 'live') return badge(liveness === 'broken' ? 'reconnecting' : 'connecting', 'busy')
    return isNow
      ? badge('live', 'good')
      : badge('in the past', 'busy', 'Records keep coming; the page shows an earlier moment')
  }

  #alarms(): TemplateResult | typeof nothing {
    const alarms = alarmsOf(standingsOf(this.#desk.moment)).map(({ alarm }) => alarm)
    if (alarms.length === 0) return nothing
    const bad = alarms.some(({ severity }) => severity === 'error')
    return html`<a class="alarms" href="#/members" @click=${(event: Event) => this.#show(event, 'members')}>${badge(
      `${grouped(alarms.length)} ${alarms.length === 1 ? 'alarm' : 'alarms'}`,
      bad ? 'bad' : 'busy',
      alarms.map(({ text }) => text).join('\n'),
    )}</a>`
  }

  #show(event: Event, view: ViewName): void {
    event.preventDefault()
    this.#desk.show(view)
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    const desk = this.#desk
    const view = viewNames[Number(event.key) - 1]
    const by = event.shiftKey ? 100 : 1
    if (view) desk.show(view)
    else if (event.key === 'ArrowLeft' || event.key === ',') desk.step(-by)
    else if (event.key === 'ArrowRight' || event.key === '.') desk.step(by)
    else if (event.key === ' ') desk.toggle()
    else if (event.key === 'n') desk.resume()
    else if (event.key.toLowerCase() === 'm') desk.toMark(event.shiftKey ? -1 : 1)
    else if (event.key.toLowerCase() === 'b') desk.toMark(event.shiftKey ? -1 : 1, 'broken')
    else if (event.key === 't') this.#nextTheme()
    else if (event.key === 'o') this.renderRoot.querySelector<TimeBar>('reeve-time-bar')?.choose()
    else if (event.key === '?') this.#help()
    else if (event.key === '/') this.#search()
    else return
    event.preventDefault()
  }

  #help(): void {
    const dialog = this.renderRoot.querySelector('dialog')
    if (dialog?.open) dialog.close()
    else dialog?.showModal()
  }

  /** In the view that has one; else among the actors. */
  #search(): void {
    const field = this.renderRoot
      .querySelector('main > *')
      ?.shadowRoot?.querySelector<HTMLElement>('input[type=search]')
    if (field) field.focus()
    else this.#desk.show('actors')
  }

  #forgive(): void {
    this.#desk.problem = ''
    this.#desk.changed()
  }

  readonly #drag = (event: DragEvent): void => {
    event.preventDefault()
    this.classList.toggle('dropping', event.type === 'dragover')
  }

  readonly #drop = (event: DragEvent): void => {
    event.preventDefault()
    this.classList.remove('dropping')
    const [file] = event.dataTransfer?.files ?? []
    if (file) void openTrace(file, this.#desk)
  }

  #nextTheme(): void {
    this.#setTheme(themes[(themes.indexOf(this.#theme) + 1) % themes.length] as Theme)
    this.requestUpdate()
  }

  #setTheme(theme: Theme): void {
    this.#theme = theme
    keep('theme', theme)
    if (theme === 'auto') document.documentElement.removeAttribute('data-theme')
    else document.documentElement.setAttribute('data-theme', theme)
  }
}

/** A browser may be told to keep nothing: then its answers are errors. */
function kept(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Until the page is loaded again it is remembered all the same.
  }
}

/** Keys belong to whatever has the focus, where that takes any. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0]
  if (!(target instanceof HTMLElement)) return false
  if (target.matches('input[type=checkbox]')) return event.key === ' '
  return (
    target.matches('input, select, textarea, [contenteditable]') ||
    (target.matches('button, a, summary') && event.key === ' ')
  )
}

customElements.define('reeve-page', Page)

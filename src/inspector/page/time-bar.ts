/** Now, or some moment before it: pause, step, slide; and traces, to be kept and to be opened. */

import { css, html, nothing } from 'lit'
import { clockTime, grouped, look } from './look.ts'
import { openTrace } from './open-trace.ts'
import { Part } from './part.ts'

export class TimeBar extends Part {
  static override styles = [
    look,
    css`
      :host {
        background: var(--raised);
        border-top: 1px solid var(--frame);
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 8px 16px;
        flex-wrap: wrap;
      }
      input[type='range'] {
        flex: 1 1 200px;
        min-width: 120px;
        accent-color: var(--accent);
        padding: 0;
        border: 0;
        background: none;
      }
      .when {
        min-width: 108px;
        font-family: var(--mono);
        font-size: 12px;
      }
      .problem {
        color: var(--bad);
      }
      input[type='file'] {
        display: none;
      }
    `,
  ]
  static override properties = { ...Part.properties, problem: { state: true } }
  declare problem: string

  constructor() {
    super()
    this.problem = ''
  }

  override render() {
    const { desk } = this
    const { first, last } = desk.story
    const { atMs } = desk.moment
    return html`
      <div class="bar" role="toolbar" aria-label="Time">
        <button title="Pause or go on (space)" aria-pressed=${!desk.isNow && !desk.file} ?disabled=${desk.file !== undefined}
          @click=${() => (desk.isNow ? desk.pause() : desk.resume())}>${desk.isNow ? '❚❚ Pause' : '▶ Live'}</button>
        <button title="One record back (←)" aria-label="One record back" ?disabled=${desk.position <= first}
          @click=${() => desk.step(-1)}>◂</button>
        <button title="One record on (→)" aria-label="One record on" ?disabled=${desk.position >= last}
          @click=${() => desk.step(1)}>▸</button>
        <input type="range" aria-label="Moment" aria-valuetext=${clockTime(atMs)} min=${first} max=${Math.max(last, first + 1)}
          .value=${String(desk.position)} @input=${this.#slide} />
        <span class="when">${last > first ? clockTime(atMs) : ''}</span>
        <span class="faint mono">${grouped(desk.position - first)} / ${grouped(last - first)}</span>
        ${desk.file ? html`<button @click=${() => desk.close()}>Close file</button>` : html`<a href="trace" download>Save trace</a>`}
        <button @click=${() => this.renderRoot.querySelector<HTMLInputElement>('input[type=file]')?.click()}>Open trace …</button>
        <input type="file" accept=".jsonl,.trace" aria-label="Trace file" @change=${this.#open} />
        ${this.problem ? html`<span class="problem" role="alert">${this.problem}</span>` : nothing}
      </div>
    `
  }

  #slide(event: Event): void {
    this.desk.goTo(Number((event.target as HTMLInputElement).value))
  }

  async #open(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement
    const [file] = input.files ?? []
    input.value = ''
    if (!file) return
    this.problem = await openTrace(file, this.desk)
  }
}

customElements.define('reeve-time-bar', TimeBar)

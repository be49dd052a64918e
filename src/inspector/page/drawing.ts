/** One of the committed drawings as an element, with what is active and what was just taken lit. */

import membership from '../../../machines/drawings/membership.svg'
import replicator from '../../../machines/drawings/replicator.svg'
import server from '../../../machines/drawings/server.svg'
import supervisor from '../../../machines/drawings/supervisor.svg'

const texts: Readonly<Record<string, string>> = { membership, replicator, server, supervisor }

export class Drawing {
  readonly svg: SVGSVGElement
  /** As it was drawn, in pixels. */
  readonly width: number
  readonly #states = new Map<string, Element>()
  #lit: Element[] = []
  #hot: Element[] = []

  /** Undefined for a chart that was never drawn: a trace of another version. */
  static of(chart: string): Drawing | undefined {
    // A name from outside: of a file, or of another node.
    const text = Object.hasOwn(texts, chart) ? texts[chart] : undefined
    return text === undefined ? undefined : new Drawing(text)
  }

  private constructor(text: string) {
    // The page's own rules apply, which follow its theme; it would not be allowed to take these.
    const bare = text.replace(/<style>[\s\S]*?<\/style>/, '')
    const parsed = new DOMParser().parseFromString(bare, 'image/svg+xml')
    const svg = document.importNode(parsed.documentElement, true) as unknown as SVGSVGElement
    for (const state of svg.querySelectorAll('.state')) this.#states.set(state.id, state)
    // What it shows is said by whoever shows it.
    svg.setAttribute('aria-hidden', 'true')
    this.width = Number(svg.getAttribute('width')) || 800
    svg.removeAttribute('width')
    svg.removeAttribute('height')
    this.svg = svg
  }

  /** The innermost active states. */
  light(states: readonly string[]): void {
    for (const element of this.#lit) element.classList.remove('active')
    this.#lit = []
    for (const state of states) {
      for (let path = state; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
        const element = this.#states.get(path)
        if (!element) continue
        element.classList.add('active')
        this.#lit.push(element)
      }
    }
  }

  /** The transitions that were taken last. */
  heat(transitions: readonly string[]): void {
    for (const element of this.#hot) element.classList.remove('hot')
    this.#hot = transitions.flatMap((id) => [...this.svg.querySelectorAll(`[data-on~="${CSS.escape(id)}"]`)])
    for (const element of this.#hot) element.classList.add('hot')
  }

  /** What the states listen to: by event the transitions that it may take, the innermost state's first. */
  accepted(states: readonly string[]): Map<string, string[]> {
    const events = new Map<string, string[]>()
    const active = new Set(states.flatMap(withAncestors))
    for (const element of this.svg.querySelectorAll('[data-on]')) {
      for (const id of (element.getAttribute('data-on') ?? '').split(' ')) {
        const [source = '', event = ''] = split(id)
        if (!active.has(source) || event === '') continue
        const known = events.get(event) ?? []
        if (!known.includes(id)) events.set(event, [...known, id])
      }
    }
    return events
  }
}

function withAncestors(state: string): string[] {
  const parts = state.split('.')
  return parts.map((_, at) => parts.slice(0, at + 1).join('.'))
}

/** `source:event:index`; an event may have colons of its own. */
function split(id: string): [string, string] {
  const first = id.indexOf(':')
  return [id.slice(0, first), id.slice(first + 1, id.lastIndexOf(':'))]
}

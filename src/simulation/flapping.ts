/** Ways that go and come by themselves, as with a loose plug: a cut that is made and mended in turns until it is ended. */

import type { Cut } from './cuts.ts'
import type { Network } from './network.ts'

export interface FlapOptions {
  readonly downMs: number
  readonly upMs: number
}

export class Flapping {
  readonly #network: Network
  readonly #open = new Map<string, object>()

  constructor(network: Network) {
    this.#network = network
  }

  begin(name: string, cut: Cut, options: FlapOptions): void {
    const flap = {}
    this.#open.set(name, flap)
    const turn = (down: boolean): void => {
      if (this.#open.get(name) !== flap) return
      if (down) this.#network.cut(name, cut)
      else this.#network.mend(name)
      const lastsMs = Math.max(1, down ? options.downMs : options.upMs)
      this.#network.timeline.schedule(undefined, 'world', lastsMs * 1000, () => turn(!down), 0)
    }
    turn(true)
  }

  /** Without a name: all of them. Their cuts are the network's to mend. */
  end(name?: string): void {
    if (name === undefined) this.#open.clear()
    else this.#open.delete(name)
  }
}

/**
 * Which ways between machines are closed. Each cut has a name and closes some directed links until it is mended; cuts
 * lie over each other, and a way is open when none of them closes it.
 */

/** Whether nothing gets from one host to the other. Hosts are asked for by name, also ones that come later. */
export type Cut = (from: string, to: string) => boolean

/** Only hosts of one group reach each other; hosts that are not named form a group of their own. */
export function groupsApart(groups: readonly (readonly string[])[]): Cut {
  const groupOf = new Map(groups.flatMap((names, group) => names.map((name) => [name, group] as const)))
  return (from, to) => groupOf.get(from) !== groupOf.get(to)
}

/** Hosts of different sides do not reach each other; hosts that are not named reach everybody: they are bridges. */
export function sidesApart(sides: readonly (readonly string[])[]): Cut {
  const sideOf = new Map(sides.flatMap((names, side) => names.map((name) => [name, side] as const)))
  return (from, to) => {
    const [one, other] = [sideOf.get(from), sideOf.get(to)]
    return one !== undefined && other !== undefined && one !== other
  }
}

export function oneWay(from: string, to: string): Cut {
  return (some, other) => some === from && other === to
}

export interface CutMachine {
  readonly index: number
  readonly name: string
}

export class Cuts {
  readonly #cuts = new Map<string, Cut>()
  /** What is known of each link under the present cuts; by the numbers of both machines, for the hot path. */
  readonly #closed = new Map<number, boolean>()

  isClosed(from: CutMachine, to: CutMachine): boolean {
    if (this.#cuts.size === 0) return false
    const link = from.index * 65_536 + to.index
    let closed = this.#closed.get(link)
    if (closed === undefined) {
      closed = false
      for (const cut of this.#cuts.values()) closed ||= cut(from.name, to.name)
      this.#closed.set(link, closed)
    }
    return closed
  }

  /** Takes the place of the last one of this name. */
  make(name: string, cut: Cut): void {
    this.#cuts.set(name, cut)
    this.#closed.clear()
  }

  mend(name: string): void {
    this.#cuts.delete(name)
    this.#closed.clear()
  }

  mendAll(): void {
    this.#cuts.clear()
    this.#closed.clear()
  }
}

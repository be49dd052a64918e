/** How late and how lossy the ways between machines are: everywhere, at some hosts, or one way between some. */

/** One way, one packet: `minMs` … `maxMs`, short ones likelier; now and then up to `tailMs` more. */
export interface Delay {
  readonly minMs: number
  readonly maxMs: number
  readonly tailChance: number
  readonly tailMs: number
}

/** Probabilities are per packet and direction. Connections feel loss as retransmission delay. */
export interface Weather {
  readonly delay: Delay
  readonly loss: number
  readonly duplicate: number
  /** Held back so long that later ones overtake it. */
  readonly reorder: number
  /** What a link carries each way. What is more waits, packets for half a second at most. Absent: no limit. */
  readonly bytesPerSecond?: number
}

/** Absent: everywhere. */
export interface WeatherArea {
  /** All links of these hosts, both ways. */
  readonly hosts?: readonly string[]
  /** Only ways from these hosts, … */
  readonly from?: readonly string[]
  /** … to these. */
  readonly to?: readonly string[]
}

interface Front {
  readonly weather: Weather
  readonly area: WeatherArea
}

export class WeatherMap {
  readonly #normal: Weather
  /** By name, the latest last. */
  readonly #fronts = new Map<string, Front>()

  constructor(normal: Weather) {
    this.#normal = normal
  }

  /** Takes the place of the last one of this name. Where several meet, the latest counts, of an area before everywhere. */
  set(name: string, weather: Weather, area: WeatherArea): void {
    this.#fronts.delete(name)
    this.#fronts.set(name, { weather, area })
  }

  /** Without a name: all of it. */
  calm(name?: string): void {
    if (name === undefined) this.#fronts.clear()
    else this.#fronts.delete(name)
  }

  of(from: string, to: string): Weather {
    let weather = this.#normal
    let isLocal = false
    for (const front of this.#fronts.values()) {
      if (!covers(front.area, from, to)) continue
      const local = isArea(front.area)
      if (isLocal && !local) continue
      weather = front.weather
      isLocal = local
    }
    return weather
  }
}

function isArea({ hosts, from, to }: WeatherArea): boolean {
  return (hosts ?? from ?? to) !== undefined
}

function covers(area: WeatherArea, from: string, to: string): boolean {
  if (area.hosts !== undefined && !area.hosts.includes(from) && !area.hosts.includes(to)) return false
  if (area.from !== undefined && !area.from.includes(from)) return false
  return area.to === undefined || area.to.includes(to)
}

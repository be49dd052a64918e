/** Settings in which the nodes of one cluster may differ, and that must not matter to any promise. */

import type { SeededRandom } from './random.ts'

export function mixedSettings(random: SeededRandom): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  const maybe = (name: string, value: unknown): void => {
    if (random.chance(0.5)) settings[name] = value
  }
  if (random.chance(0.5)) {
    settings.segmentMaxBytes = random.pick([64, 256, 4096]) * 1024
    settings.maxBatchBytes = random.pick([32, 64]) * 1024
  }
  maybe('profile', random.pick(['lan', 'wan', 'local']))
  maybe('disableCoordinates', true)
  maybe('scrubBytesPerSecond', random.pick([0, 4096, 1024 * 1024]))
  maybe('rejoinAfterLeave', random.chance(0.5))
  maybe('joinRetryMaxMs', random.integer(1_000, 30_000))
  return settings
}

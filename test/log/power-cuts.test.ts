import { test } from 'node:test'
import { SeededRandom } from '../../src/simulation/random.ts'
import { powerCuts } from '../campaign/power-cuts.ts'

test('whatever disk operation the power fails at, all that was visible is there and nothing else', async () => {
  await powerCuts(250, new SeededRandom(11, 'campaign'))
})

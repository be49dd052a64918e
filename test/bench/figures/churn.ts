import { type Bench, type Row, Rows } from '../figure.ts'

const seeds = 3

export async function churn({ stage, repetitions }: Bench): Promise<Row[]> {
  const rows = new Rows()
  for (let n = 0; n < repetitions; n++) {
    const words = ['sim', '--seed', '1', '--runs', String(seeds), '--nodes', '5', '--minutes', '2', '--json']
    const simulation = stage.reeve('sim', words)
    await simulation.exited
    const runs = simulation.json() as { simulatedMs: number; realMs: number; violations: unknown[] }[]
    if (runs.length !== seeds || runs.some(({ violations }) => violations.length > 0)) {
      throw new Error(`the simulation broke a promise or ended early: ${JSON.stringify(runs)}`)
    }
    const total = (key: 'simulatedMs' | 'realMs') => runs.reduce((sum, run) => sum + run[key], 0)
    rows.add('simulated minutes a second', 'min/s', total('simulatedMs') / 60_000 / (total('realMs') / 1000))
    await stage.clear()
  }
  return rows.list()
}

/** An element that shows something of the desk, drawn anew whenever that changed. */

import { LitElement, type PropertyValues } from 'lit'
import type { Desk } from './desk.ts'

export abstract class Part extends LitElement {
  static override properties = { desk: { attribute: false } }

  declare desk: Desk
  readonly #changed = () => this.requestUpdate()
  #listening: Desk | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#listen(this.desk)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#listen(undefined)
  }

  override willUpdate(_changed: PropertyValues): void {
    if (this.isConnected) this.#listen(this.desk)
  }

  #listen(desk: Desk | undefined): void {
    if (desk === this.#listening) return
    this.#listening?.removeEventListener('changed', this.#changed)
    desk?.addEventListener('changed', this.#changed)
    this.#listening = desk
  }
}

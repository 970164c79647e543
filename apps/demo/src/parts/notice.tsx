import { notice } from '../ui.ts'

/** One line of news, read out politely. */
export function Notice() {
  return (
    <div class="notice" role="status" aria-live="polite">
      {notice.value}
    </div>
  )
}

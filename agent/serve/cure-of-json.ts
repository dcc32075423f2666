/**
 * How to mend a body that is no JSON.
 * @param why V8's message. @param jsonLength the header `Inference-Header-Content-Length`.
 */
export function cureOfJson(text: string, why: string, jsonLength: string | undefined): string {
  const start = text.trimStart();
  if (start === '') return 'send an object with inputs';
  // As Python's json writes them.
  if (/[[,:]\s*-?(?:NaN|Infinity)\b/.test(text))
    return 'JSON has neither NaN nor Infinity: send finite numbers';
  if (jsonLength !== undefined) return 'the header Inference-Header-Content-Length must count its bytes';
  // Bytes of tensors alone, or behind the JSON.
  if (!start.startsWith('{') || why.includes('after JSON'))
    return 'with tensors as bytes send the header Inference-Header-Content-Length';
  return 'mend it there';
}

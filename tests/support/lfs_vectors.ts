/**
 * Ids and tokens that the reference made, with the secret `sssh`, for the
 * object `hello world\n`, an upload and a download.
 * @module
 */

/** Of an upload; the id has three headers. */
export const UPLOAD_VECTOR = {
  id: "eyJvcGVyYXRpb24iOiJ1cGxvYWQiLCJvaWQiOiJhOTQ4OTA0ZjJmMGY0NzliOGY4" +
    "MTk3Njk0YjMwMTg0YjBkMmVkMWMxY2QyYTFlYzBmYjg1ZDI5OWExOTJhNDQ3Iiwi" +
    "aHJlZiI6Imh0dHA6Ly9naXRsYWIuZXhhbXBsZS5jb20vZ3JvdXAvcmVwby5naXQv" +
    "Z2l0bGFiLWxmcy9vYmplY3RzL2E5NDg5MDRmMmYwZjQ3OWI4ZjgxOTc2OTRiMzAx" +
    "ODRiMGQyZWQxYzFjZDJhMWVjMGZiODVkMjk5YTE5MmE0NDcvMTIiLCJoZWFkZXJz" +
    "Ijp7IkF1dGhvcml6YXRpb24iOiJCYXNpYyBaR1Z0YnpwaFkzUnBiMjQ9IiwiQ29u" +
    "dGVudC1UeXBlIjoiYXBwbGljYXRpb24vb2N0ZXQtc3RyZWFtIiwiVHJhbnNmZXIt" +
    "RW5jb2RpbmciOiJjaHVua2VkIn19",
  token: "HYu7CuSjHs9H7sBl8pIOL9uchGw+VWGz06Est4piY0c=",
} as const;

/** Of a download; the id has one header. */
export const DOWNLOAD_VECTOR = {
  id: "eyJvcGVyYXRpb24iOiJkb3dubG9hZCIsIm9pZCI6ImE5NDg5MDRmMmYwZjQ3OWI4" +
    "ZjgxOTc2OTRiMzAxODRiMGQyZWQxYzFjZDJhMWVjMGZiODVkMjk5YTE5MmE0NDci" +
    "LCJocmVmIjoiaHR0cDovL2dpdGxhYi5leGFtcGxlLmNvbS9ncm91cC9yZXBvLmdp" +
    "dC9naXRsYWItbGZzL29iamVjdHMvYTk0ODkwNGYyZjBmNDc5YjhmODE5NzY5NGIz" +
    "MDE4NGIwZDJlZDFjMWNkMmExZWMwZmI4NWQyOTlhMTkyYTQ0NyIsImhlYWRlcnMi" +
    "OnsiQXV0aG9yaXphdGlvbiI6IkJhc2ljIFpHVnRienBoWTNScGIyND0ifX0=",
  token: "IzyYOeWfq1BPGeQ390zVXgrH9KP68rmQhgKhtfNFNUg=",
} as const;

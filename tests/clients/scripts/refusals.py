"""What a user of the client sees of a refusal."""

import httpx


async def refusal(call):
    """Await it: status, text and Retry-After of the error, or what it returned instead."""
    try:
        return {"returned": await call}
    except httpx.HTTPStatusError as error:
        return {
            "status": error.response.status_code,
            "text": str(error),
            "retry_after": error.response.headers.get("retry-after"),
        }

//! What becomes of a run that is killed, or stopped, or whose disk fails (L25, X35–X37).

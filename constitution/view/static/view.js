// The view's own: keys.

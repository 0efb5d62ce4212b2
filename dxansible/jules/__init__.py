"""Google's Jules: sessions in its cloud."""

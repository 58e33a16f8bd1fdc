"""The shift axis: the only owner of ppm arithmetic."""
